namespace Shoal.Lua.Libraries;

/// <summary>%a, %d, ...: the classes of C's ctype in the C locale; an upper-case letter is the complement.</summary>
internal static class CharacterClass
{
    public static bool Matches(byte b, byte name)
    {
        char c = (char)b;
        bool inClass;
        switch (name | 0x20)
        {
            case 'a':
                inClass = char.IsAsciiLetter(c);
                break;
            case 'c':
                inClass = b < 32 || b == 127;
                break;
            case 'd':
                inClass = char.IsAsciiDigit(c);
                break;
            case 'l':
                inClass = char.IsAsciiLetterLower(c);
                break;
            case 'p':
                inClass = b is > 32 and < 127 && !char.IsAsciiLetterOrDigit(c);
                break;
            case 's':
                inClass = NumberText.IsSpace(b);
                break;
            case 'u':
                inClass = char.IsAsciiLetterUpper(c);
                break;
            case 'w':
                inClass = char.IsAsciiLetterOrDigit(c);
                break;
            case 'x':
                inClass = char.IsAsciiHexDigit(c);
                break;
            case 'z':
                inClass = b == 0;
                break;
            default:
                return name == b;
        }
        if (!char.IsAsciiLetter((char)name)) return name == b;
        return char.IsAsciiLetterUpper((char)name) ? !inClass : inClass;
    }
}
