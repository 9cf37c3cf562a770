// When a schedule is due and which backups it has outlived: pure, so the clock and the calendar can be tested.
using System.Globalization;
using NCrontab;
using Shoal.Operator.Api.V1;

namespace Shoal.Operator.Backups;

/// <summary>Decisions of a schedule.</summary>
public static class ScheduleRules
{
    /// <summary>Reads a cron expression of five fields, or six beginning with seconds.</summary>
    /// <returns>The schedule, or null and what is wrong.</returns>
    public static (CrontabSchedule? Schedule, string? Error) Parse(string text)
    {
        var fields = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        var schedule = CrontabSchedule.TryParse(string.Join(' ', fields), new CrontabSchedule.ParseOptions { IncludingSeconds = fields.Length == 6 });
        return schedule is null ? (null, $"spec.schedule: '{text}' is not a cron expression of five or six fields") : (schedule, null);
    }

    /// <summary>
    /// The moment a backup is due now, or null. Of several missed ones only the latest counts, and only when it is not older
    /// than the starting deadline.
    /// </summary>
    public static DateTimeOffset? Due(CrontabSchedule schedule, DateTimeOffset since, DateTimeOffset now, TimeSpan startingDeadline)
    {
        var from = now - startingDeadline > since ? now - startingDeadline : since;
        var due = schedule.GetNextOccurrences(from.UtcDateTime, now.UtcDateTime.AddSeconds(1)).Where(t => t <= now.UtcDateTime).ToList();
        return due.Count == 0 ? null : new DateTimeOffset(due[^1], TimeSpan.Zero);
    }

    /// <summary>The next moment after now.</summary>
    public static DateTimeOffset Next(CrontabSchedule schedule, DateTimeOffset now) => new(schedule.GetNextOccurrence(now.UtcDateTime), TimeSpan.Zero);

    /// <summary>Name of the backup due at a moment: the same for everybody who asks, so that it is created once.</summary>
    public static string NameFor(string schedule, DateTimeOffset due) => schedule + "-" + due.UtcDateTime.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture);

    /// <summary>Completed backups beyond the newest <paramref name="keepLast"/>, oldest first.</summary>
    public static IReadOnlyList<CacheBackup> Outlived(IEnumerable<CacheBackup> children, int? keepLast) =>
        keepLast is not { } keep
            ? []
            : [.. children.Where(b => b.Status?.Phase == "Completed" && b.Metadata.DeletionTimestamp is null)
                .OrderByDescending(b => b.Status!.StartedAt ?? b.Metadata.CreationTimestamp).Skip(keep).Reverse()];
}
