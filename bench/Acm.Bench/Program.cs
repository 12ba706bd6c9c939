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
        GemmSuite.Run(0.5, threads);
        return 0;
    case "models":
        // Optionally one of each: models B 8 1.
        ModelSuite.Run(
            20,
            args.Length > 1 ? [args[1] == "S" ? VitShape.Small : VitShape.Base] : [VitShape.Small, VitShape.Base],
            args.Length > 2 ? [int.Parse(args[2])] : [1, 8],
            args.Length > 3 ? [int.Parse(args[3])] : threads);
        return 0;
    case "all":
        GemmSuite.Run(0.3, threads);
        ModelSuite.Run(12, [VitShape.Small, VitShape.Base], [1, 8], threads);
        ServiceSuite.Run();
        return 0;
    case "service":
        ServiceSuite.Run();
        return 0;
    default:
        Console.Error.WriteLine($"'{suite}' is no suite: quick, gemm, models, service, all.");
        return 2;
}
