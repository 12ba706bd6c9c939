using System.Runtime.InteropServices;
using Acm.Cli;
using Acm.Cli.Output;
using Acm.Runtime;

using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, static _ => AtomicFile.DiscardAll());
using var termination = PosixSignalRegistration.Create(PosixSignal.SIGTERM, static _ => AtomicFile.DiscardAll());
StandardStreams.Use();
return AcmTool.Run(args, Console.Out, Console.Error);
