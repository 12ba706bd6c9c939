using Acm.Bench;
using Acm.Bench.Suites;

string suite = args.Length > 0 ? args[0] : "quick";
int[] threads = Environment.ProcessorCount > 1 ? [1, 2] : [1];
switch (suite)
{
    case "quick":
        GemmSuite.Run(0.25, [1]);
        ModelSuite.Run(6, [VitShape.Small, VitShape.Base], [1], threads);
        return 0;
    case "gemm":
        // Optionally a part of a product's name, rows (0: all) and threads: gemm "B mlp" 197 1.
        GemmSuite.Run(
            0.5,
            args.Length > 3 ? [int.Parse(args[3])] : threads,
            args.Length > 1 ? args[1] : "",
            args.Length > 2 ? int.Parse(args[2]) : 0);
        return 0;
    case "held":
        // As for gemm: held "B mlp" 1 1.
        HeldSuite.Run(
            0.5,
            args.Length > 3 ? [int.Parse(args[3])] : threads,
            args.Length > 1 ? args[1] : "",
            args.Length > 2 ? int.Parse(args[2]) : 0);
        return 0;
    case "held-tiles":
        HeldTilesSuite.Run(1);
        return 0;
    case "int8":
        Int8Suite.Run(4);
        return 0;
    case "models":
        // Optionally one of each: models B 8 1.
        ModelSuite.Run(
            20,
            args.Length > 1 ? [args[1] == "S" ? VitShape.Small : VitShape.Base] : [VitShape.Small, VitShape.Base],
            args.Length > 2 ? [int.Parse(args[2])] : [1, 8],
            args.Length > 3 ? [int.Parse(args[3])] : threads);
        if (args.Length == 1)
            SampleSuite.Run(4, [1, 8], threads);
        return 0;
    case "samples":
        SampleSuite.Run(4, [1, 8], threads);
        return 0;
    case "ops":
        // Optionally one of each: ops B 1 1 0.44 (or dense, or free).
        OpSuite.Run(
            2,
            args.Length > 1 ? [args[1] == "S" ? VitShape.Small : VitShape.Base] : [VitShape.Base],
            args.Length > 2 ? [int.Parse(args[2])] : [1],
            args.Length > 3 ? [int.Parse(args[3])] : threads,
            args.Length > 4 ? args[4] : null);
        return 0;
    case "all":
        GemmSuite.Run(0.3, threads);
        ModelSuite.Run(12, [VitShape.Small, VitShape.Base], [1, 8], threads);
        SampleSuite.Run(4, [1, 8], threads);
        OpSuite.Run(1, [VitShape.Base], [1], threads);
        ServiceSuite.Run();
        return 0;
    case "service":
        ServiceSuite.Run();
        return 0;
    case "lengths":
        return Lengths();
    case "simulator":
        // The peers lie in `shared/peers` beside the repository, or in FOLDER: simulator [ROUNDS] [FOLDER].
        SimulatorSuite.Run(
            args.Length > 2 ? args[2] : Path.Combine(Repo.Shared, "peers"),
            args.Length > 1 ? int.Parse(args[1]) : 5,
            threads);
        return 0;
    case "counts":
        return Acm.Bench.Counts.CountsPage.Run(args.Skip(1).FirstOrDefault());
    case "parity":
        return Acm.Bench.Parity.ParityPage.Run(args[1..]);
    case "kernels":
        return Kernels();
    case "bdn":
        // BenchmarkDotNet's own command line: bdn --list flat, bdn --filter *Gemm* --job short.
        return Acm.Bench.Sweeps.SweepRunner.Run(args[1..]);
    default:
        Console.Error.WriteLine($"'{suite}' is no suite: quick, gemm, held, held-tiles, int8, models, samples, ops, service, lengths, simulator, kernels, counts, parity, bdn, all.");
        return 2;
}

// `lengths [FOLDER]`: the sample models lie in `shared/models` beside the repository, or in FOLDER.
int Lengths()
{
    string models = args.Length > 1 ? args[1] : Path.Combine(Repo.Shared, "models");
    if (!Directory.Exists(models))
    {
        Console.Error.WriteLine($"{models}: no such folder; the sample models lie there, or where the next argument says.");
        return 2;
    }
    LengthsSuite.Run(models, 8, threads);
    return 0;
}

// `kernels load`: how long a model's kernels take. `kernels [--only ARCHITECTURE,...] [FILE]`: what the assembler makes of kernels/*.cu, to FILE or to the terminal; 1 where any spills.
int Kernels()
{
    if (args is [_, "load"])
        return Acm.Bench.Kernels.LoadReport.Run();
    string? only = args is [_, "--only", var architecture, ..] ? architecture : null, file = args.Skip(only is null ? 1 : 3).FirstOrDefault();
    using TextWriter page = file is null ? Console.Out : new StreamWriter(file);
    return Acm.Bench.Kernels.CompileReport.Run(Path.Combine(Environment.CurrentDirectory, "kernels"), page, only) == 0 ? 0 : 1;
}
