using System.Reflection;
using System.Reflection.Emit;

namespace Shoal.Architecture.Tests;

/// <summary>
/// The types a type mentions: base types, members' signatures, locals, and every token in the bodies of its methods.
/// Source `using` lines would miss fully qualified names and count unused ones; the compiled code cannot lie.
/// IL format: ECMA-335 III.1.2 (opcodes) and II.22 (tokens).
/// </summary>
internal static class TypeReferences
{
    private static readonly Dictionary<short, OpCode> OpCodesByValue = typeof(OpCodes)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(f => (OpCode)f.GetValue(null)!).ToDictionary(o => o.Value);

    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance
        | BindingFlags.Static | BindingFlags.DeclaredOnly;

    public static IReadOnlySet<Type> Of(Type type)
    {
        var found = new HashSet<Type>();
        Add(found, type.BaseType);
        foreach (var i in type.GetInterfaces()) Add(found, i);
        foreach (var f in type.GetFields(Declared)) Add(found, f.FieldType);
        foreach (var m in type.GetMethods(Declared).Cast<MethodBase>().Concat(type.GetConstructors(Declared)))
        {
            if (m is MethodInfo mi) Add(found, mi.ReturnType);
            foreach (var p in m.GetParameters()) Add(found, p.ParameterType);
            if (m.GetMethodBody() is { } body) AddBody(found, m, body);
        }
        return found;
    }

    private static void AddBody(HashSet<Type> found, MethodBase method, MethodBody body)
    {
        foreach (var l in body.LocalVariables) Add(found, l.LocalType);
        var il = body.GetILAsByteArray() ?? [];
        for (var i = 0; i < il.Length;)
        {
            var op = il[i] == 0xFE ? OpCodesByValue[(short)(0xFE00 | il[i + 1])] : OpCodesByValue[il[i]];
            i += op.Size;
            if (op.OperandType is OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType
                or OperandType.InlineTok)
                AddToken(found, method, BitConverter.ToInt32(il, i));
            i += op.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(il, i),
                _ => 4,
            };
        }
    }

    private static void AddToken(HashSet<Type> found, MethodBase method, int token)
    {
        var typeArgs = method.DeclaringType is { IsGenericType: true } d ? d.GetGenericArguments() : null;
        var methodArgs = method is MethodInfo { IsGenericMethod: true } g ? g.GetGenericArguments() : null;
        MemberInfo? member;
        try { member = method.Module.ResolveMember(token, typeArgs, methodArgs); }
        catch (ArgumentException) { return; }   // a call-site signature, not a member
        if (member is Type t) Add(found, t);
        else if (member is not null) Add(found, member.DeclaringType);
    }

    private static void Add(HashSet<Type> found, Type? type)
    {
        if (type is null) return;
        if (type.HasElementType) { Add(found, type.GetElementType()); return; }
        if (type.IsGenericParameter) return;
        if (type.IsGenericType && !type.IsGenericTypeDefinition)
        {
            foreach (var a in type.GetGenericArguments()) Add(found, a);
            type = type.GetGenericTypeDefinition();
        }
        found.Add(type);
    }
}
