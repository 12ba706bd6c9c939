using Acm.Bench;
using Acm.Bench.Suites;

string suite = args.Length > 0 ? args[0] : "quick";
int[] threads = Environment.ProcessorCount > 1 ? [1, 2] : [1];
switch (suite)
{
    case "quick":
        GemmSuite.Run(0.25, [1]);
        ModelSuite.Run(6, [VitShape.Small], [1], threads);
        return 0;
    case "gemm":
        GemmSuite.Run(0.5, threads);
        return 0;
    case "models":
        ModelSuite.Run(20, [VitShape.Small, VitShape.Base], [1, 8], threads);
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
