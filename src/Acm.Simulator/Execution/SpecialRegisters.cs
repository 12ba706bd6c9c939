namespace Acm.Simulator.Execution;

/// <summary>Values of <c>%tid</c> and its kin.</summary>
internal static unsafe class SpecialRegisters
{
    public static void Fill(Warp warp, SpecialRegister which, uint* plane)
    {
        BlockState block = warp.Block;
        Launch launch = block.Launch;
        for (int lane = 0; lane < 32; lane++)
        {
            Dim3 thread = launch.BlockSize.At((warp.Index * 32) + lane);
            plane[lane] = which switch
            {
                SpecialRegister.TidX => (uint)thread.X,
                SpecialRegister.TidY => (uint)thread.Y,
                SpecialRegister.TidZ => (uint)thread.Z,
                SpecialRegister.NtidX => (uint)launch.BlockSize.X,
                SpecialRegister.NtidY => (uint)launch.BlockSize.Y,
                SpecialRegister.NtidZ => (uint)launch.BlockSize.Z,
                SpecialRegister.CtaidX or SpecialRegister.ClusterIdX => (uint)block.Index.X,
                SpecialRegister.CtaidY or SpecialRegister.ClusterIdY => (uint)block.Index.Y,
                SpecialRegister.CtaidZ or SpecialRegister.ClusterIdZ => (uint)block.Index.Z,
                SpecialRegister.NctaidX or SpecialRegister.NClusterIdX => (uint)launch.Grid.X,
                SpecialRegister.NctaidY or SpecialRegister.NClusterIdY => (uint)launch.Grid.Y,
                SpecialRegister.NctaidZ or SpecialRegister.NClusterIdZ => (uint)launch.Grid.Z,
                SpecialRegister.ClusterNctaIdX or SpecialRegister.ClusterNctaIdY or SpecialRegister.ClusterNctaIdZ
                    or SpecialRegister.ClusterNctaRank => 1,
                SpecialRegister.LaneId => (uint)lane,
                SpecialRegister.WarpId => (uint)warp.Index,
                SpecialRegister.NWarpId => (uint)launch.Profile.ThreadsPerMultiprocessor / 32,
                SpecialRegister.SmId => (uint)(block.Number % launch.Profile.Multiprocessors),
                SpecialRegister.NSmId => (uint)launch.Profile.Multiprocessors,
                SpecialRegister.LaneMaskEq => 1u << lane,
                SpecialRegister.LaneMaskLt => (1u << lane) - 1,
                SpecialRegister.LaneMaskLe => uint.MaxValue >> (31 - lane),
                SpecialRegister.LaneMaskGt => ~(uint.MaxValue >> (31 - lane)),
                SpecialRegister.LaneMaskGe => ~((1u << lane) - 1),
                SpecialRegister.DynamicSharedSize => (uint)launch.DynamicShared,
                SpecialRegister.TotalSharedSize => (uint)launch.SharedBytes,
                _ => 0, // grid id, and the place of the only block in its cluster
            };
        }
    }
}
