// The 24 bits per entry that eviction judges by, and OBJECT IDLETIME / FREQ report. Two readings, as in Redis:
//   LRU: seconds, wrapping after 194 days.
//   LFU: 16 bits of minutes since the counter last decayed, 8 bits of a logarithmic counter. An access raises the counter with
//        probability 1 / ((counter - 5) * factor + 1), so that 255 stands for about a million hits; idle minutes lower it.
namespace Shoal.Store;

/// <summary>Keeps the current time in both readings and touches entries.</summary>
public sealed unsafe class AccessClock
{
    private const uint InitialFrequency = 5;
    private const uint Mask = 0xFFFFFF;
    private SmallRandom _random = new(0x5DEECE66D);
    private bool _countsFrequency, _rests;
    private uint _seconds;
    private uint _minutes;

    /// <summary>True when the policy is one of the LFU ones.</summary>
    public bool CountsFrequency
    {
        get => _countsFrequency;
        set
        {
            _countsFrequency = value;
            IsPlain = !value && !_rests;
        }
    }

    /// <summary>Lookups leave the clocks of entries alone (a client in NO-TOUCH mode).</summary>
    public bool Rests
    {
        get => _rests;
        set
        {
            _rests = value;
            IsPlain = !value && !_countsFrequency;
        }
    }

    /// <summary>A lookup notes the second and nothing else: neither of the above.</summary>
    internal bool IsPlain { get; private set; } = true;

    /// <summary>lfu-log-factor: how many hits saturate the counter.</summary>
    public int LogFactor { get; set; } = 10;

    /// <summary>lfu-decay-time: idle minutes that lower the counter by one; 0 = never.</summary>
    public int DecayMinutes { get; set; } = 1;

    /// <summary>What a new entry starts with.</summary>
    internal uint Initial => CountsFrequency ? _minutes << 8 | InitialFrequency : _seconds;

    /// <summary>LRU seconds, for the lookup's fast path.</summary>
    internal uint Seconds => _seconds;

    /// <summary>Seconds since the last access (LRU reading).</summary>
    public long IdleSeconds(in EntryRef entry) => _seconds - Entry.Clock(entry.Pointer) & Mask;

    /// <summary>The access counter after decay (LFU reading), 0..255.</summary>
    public int Frequency(in EntryRef entry) => (int)Decayed(Entry.Clock(entry.Pointer));

    /// <summary>Sets the clock as a snapshot recorded it: idle seconds.</summary>
    public void SetIdle(in EntryRef entry, long seconds) =>
        Entry.SetClock(entry.Pointer, _seconds - (uint)Math.Clamp(seconds, 0, Mask) & Mask);

    /// <summary>Sets the clock as a snapshot recorded it: frequency counter.</summary>
    public void SetFrequency(in EntryRef entry, int counter) =>
        Entry.SetClock(entry.Pointer, _minutes << 8 | (uint)Math.Clamp(counter, 0, 255));

    internal void Advance(long nowMs)
    {
        _seconds = (uint)(nowMs / 1000) & Mask;
        _minutes = (uint)(nowMs / 60_000) & 0xFFFF;
    }

    internal void TouchFrequency(byte* entry)
    {
        if (_rests) return;
        uint counter = Decayed(Entry.Clock(entry));
        if (counter < 255)
        {
            double above = counter > InitialFrequency ? counter - InitialFrequency : 0;
            double odds = 1.0 / (above * LogFactor + 1);
            if ((_random.Next() >> 11) * (1.0 / (1UL << 53)) < odds) counter++;
        }
        Entry.SetClock(entry, _minutes << 8 | counter);
    }

    /// <summary>Higher = better to evict, in either reading.</summary>
    internal uint Staleness(uint clock) => CountsFrequency ? 255 - Decayed(clock) : _seconds - clock & Mask;

    private uint Decayed(uint clock)
    {
        uint counter = clock & 0xFF;
        if (DecayMinutes <= 0) return counter;
        uint periods = (_minutes - (clock >> 8) & 0xFFFF) / (uint)DecayMinutes;
        return periods > counter ? 0 : counter - periods;
    }
}
