using System.Reflection;
using System.Reflection.Emit;

namespace Acm.Native.Tests.Abi;

/// <summary>Sizes and offsets as the runtime lays types out when they are passed by pointer, without the marshaller's own ideas.</summary>
internal static class Layout
{
    public static int SizeOf(Type type)
    {
        DynamicMethod method = new("size", typeof(int), []);
        ILGenerator il = method.GetILGenerator();
        il.Emit(OpCodes.Sizeof, type);
        il.Emit(OpCodes.Ret);
        return (int)method.Invoke(null, [])!;
    }

    public static int OffsetOf(FieldInfo field)
    {
        DynamicMethod method = new("offset", typeof(int), [], typeof(Layout).Module, skipVisibility: true);
        ILGenerator il = method.GetILGenerator();
        il.DeclareLocal(field.DeclaringType!);
        il.Emit(OpCodes.Ldloca_S, (byte)0);
        il.Emit(OpCodes.Ldflda, field);
        il.Emit(OpCodes.Conv_U);
        il.Emit(OpCodes.Ldloca_S, (byte)0);
        il.Emit(OpCodes.Conv_U);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Conv_I4);
        il.Emit(OpCodes.Ret);
        return (int)method.Invoke(null, [])!;
    }

    public static int AlignmentOf(Type type) =>
        type.IsPrimitive || type.IsEnum || type.IsPointer || type.IsFunctionPointer
            ? SizeOf(type)
            : type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Max(f => AlignmentOf(f.FieldType));
}
