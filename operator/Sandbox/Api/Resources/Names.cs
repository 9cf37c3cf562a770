// Name rules of Kubernetes objects, with the sentences a real server refuses a bad one with.
using System.Text.RegularExpressions;

namespace Shoal.Sandbox.Api.Resources;

internal static class Names
{
    private static readonly Regex Label = new("^[a-z0-9]([-a-z0-9]*[a-z0-9])?\\z", RegexOptions.CultureInvariant);

    private static readonly Regex ServiceLabel = new("^[a-z]([-a-z0-9]*[a-z0-9])?\\z", RegexOptions.CultureInvariant);

    private static readonly Regex Subdomain = new("^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\z", RegexOptions.CultureInvariant);

    private static readonly Regex LabelValue = new("^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?\\z", RegexOptions.CultureInvariant);

    private static readonly Regex Qualified = new("^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\\z", RegexOptions.CultureInvariant);

    public const string SubdomainRule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
        + "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        + @"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

    public const string LabelRule = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
        + "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

    public const string ServiceRule = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and "
        + "end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

    private const string LabelValueRule = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
        + "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
        + "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

    private const string QualifiedRule = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
        + "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

    public static bool IsLabel(string name) => name.Length <= 63 && Label.IsMatch(name);

    public static bool IsSubdomain(string name) => name.Length <= 253 && Subdomain.IsMatch(name);

    /// <summary>Why the name is refused, or null.</summary>
    public static string? Refusal(string name, NameForm form) => form switch
    {
        NameForm.Path => name is "." or ".." || name.Contains('/') || name.Contains('%') ? "may not contain '/' or '%', or be '.' or '..'" : null,
        NameForm.Label => name.Length > 63 ? "must be no more than 63 characters" : Label.IsMatch(name) ? null : LabelRule,
        NameForm.ServiceLabel => name.Length > 63 ? "must be no more than 63 characters" : ServiceLabel.IsMatch(name) ? null : ServiceRule,
        _ => name.Length > 253 ? "must be no more than 253 characters" : Subdomain.IsMatch(name) ? null : SubdomainRule,
    };

    public static string? LabelValueRefusal(string value) =>
        value.Length > 63 ? "must be no more than 63 characters" : LabelValue.IsMatch(value) ? null : LabelValueRule;

    public static string? QualifiedNameRefusal(string name)
    {
        var slash = name.LastIndexOf('/');
        if (slash >= 0 && !IsSubdomain(name[..slash])) return "prefix part " + SubdomainRule;
        var last = name[(slash + 1)..];
        if (last.Length == 0) return "name part must be non-empty";
        return last.Length > 63 ? "name part must be no more than 63 characters" : Qualified.IsMatch(last) ? null : QualifiedRule;
    }
}
