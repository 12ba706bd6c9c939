using System.Xml.Linq;

var target = Argument("target", "help");
var solution = "Acm.Native.sln";
var results = Directory("artifacts/test-results");

Task("help")
    .Description("Says what each task does.")
    .Does(() =>
{
    foreach (var task in Tasks.Where(task => task.Description != null))
        Console.WriteLine($"  ./build.sh {task.Name,-6} {task.Description}");
});

Task("build")
    .Does(() => DotNetBuild(solution, new DotNetBuildSettings { Configuration = "Release", NoLogo = true, Verbosity = DotNetVerbosity.Quiet }));

Task("demo")
    .Description("Names the characters in the sample photographs at a budget of 0.3, draws where the compute went (demo/), full budget beside it.")
    .Does(() =>
{
    DotNetBuild("src/Acm.Cli", new DotNetBuildSettings { Configuration = "Release", NoLogo = true, Verbosity = DotNetVerbosity.Quiet });
    EnsureDirectoryExists("demo");
    var model = "models/vit-chars";
    var images = string.Join(" ", GetFiles($"{model}/images/*.png").OrderBy(file => file.FullPath, StringComparer.Ordinal).Select(file => $"\"{file}\""));
    Acm($"classify {model} {images} --budget 0.3 --map demo/compute-map.png");
    Acm($"classify {model} {images} --budget 1 --map demo/compute-map-full.png");
    Acm($"info {model} --plot demo/budget.png");
    Information("Pictures: demo/compute-map.png (budget 0.3), demo/compute-map-full.png (full budget), demo/budget.png");
});

Task("test")
    .Description("Builds everything and runs every test; the last line counts them.")
    .IsDependentOn("build")
    .Does(() =>
{
    CleanDirectory(results);
    var failed = false;
    void Test(string name, FilePath project, string more = "", Dictionary<string, string> environment = null)
    {
        Information(name);
        var arguments = $"test \"{project}\" -c Release --no-build --nologo --logger \"trx;LogFileName={name}.trx\" --results-directory \"{MakeAbsolute(results)}\" {more}";
        failed |= StartProcess("dotnet", new ProcessSettings { Arguments = arguments, EnvironmentVariables = environment }) != 0;
    }
    foreach (var project in GetFiles("tests/*.Tests/*.csproj").OrderBy(file => file.FullPath))
        Test($"{project.GetFilenameWithoutExtension()}", project);
    // The CPU's own tests once more without 512 bits: a processor that has them goes other ways.
    Test("Acm.Runtime.Tests.256bits", "tests/Acm.Runtime.Tests/Acm.Runtime.Tests.csproj", "--filter FullyQualifiedName~Acm.Runtime.Tests.Cpu", new() { ["DOTNET_EnableAVX512"] = "0" });
    int passed = 0, bad = 0, skipped = 0;
    foreach (var file in GetFiles($"{results}/*.trx"))
    {
        var counters = XDocument.Load(file.FullPath).Descendants().First(element => element.Name.LocalName == "Counters");
        int Count(string name) => (int)counters.Attribute(name);
        passed += Count("passed");
        bad += Count("failed") + Count("error") + Count("timeout") + Count("aborted");
        skipped += Count("total") - Count("executed");
    }
    // A run that died before it wrote its counts is a failure too.
    if (failed && bad == 0) bad = 1;
    if (passed == 0) failed = true;
    Console.WriteLine($"{passed} passed, {bad} failed" + (skipped > 0 ? $", {skipped} skipped" : ""));
    // Ends here, so that the counts are the last line printed.
    Environment.Exit(failed || bad > 0 ? 1 : 0);
});

Task("bench")
    .Description("The quick benchmark suite (minutes); bench/README.md has a command for each of the others.")
    .Does(() => Run("bench/Acm.Bench", Argument("suite", "quick")));

Task("api")
    .Description("Writes the libraries' public API down (PublicAPI.Unshipped.txt): run it when you change it, and read the difference.")
    .Does(() =>
{
    foreach (var project in new[] { "Acm.Native", "Acm.Runtime" })
    {
        var file = $"src/{project}/PublicAPI.Unshipped.txt";
        System.IO.File.WriteAllText(file, "#nullable enable\n");
        // The analyzer names every line that is missing.
        StartProcess("dotnet", new ProcessSettings { Arguments = $"build src/{project} -c Release --no-incremental --nologo", RedirectStandardOutput = true }, out var lines);
        var api = lines.Select(line => System.Text.RegularExpressions.Regex.Match(line, "RS0016: Symbol '(.*)' is not part of the declared public API"))
            .Where(match => match.Success).Select(match => match.Groups[1].Value).Distinct().OrderBy(line => line, StringComparer.Ordinal).ToList();
        if (api.Count == 0) throw new Exception($"{project} did not build");
        System.IO.File.WriteAllText(file, "#nullable enable\n" + string.Join("\n", api) + "\n");
        Information($"{file}: {api.Count} lines");
    }
});

Task("prebuilt")
    .Description("Compiles the PTX that the runtime carries for machines without a compiler: run it when kernels/ has changed.")
    .IsDependentOn("build")
    .Does(() => Acm("kernels pack kernels/prebuilt/compute_80.pack"));

Task("pack")
    .Description("NuGet packages of the libraries and the tool, into artifacts/packages.")
    .IsDependentOn("build")
    .Does(() => DotNetPack(solution, new DotNetPackSettings { Configuration = "Release", NoBuild = true, OutputDirectory = "artifacts/packages" }));

void Acm(string arguments) => Check(StartProcess("dotnet", $"src/Acm.Cli/bin/Release/net10.0/acm.dll {arguments}"), $"acm {arguments}");

void Run(string project, string arguments) => Check(StartProcess("dotnet", $"run -c Release --project {project} -- {arguments}"), project);

void Check(int exit, string what)
{
    if (exit != 0) throw new Exception($"{what}: exit code {exit}");
}

RunTarget(target);
