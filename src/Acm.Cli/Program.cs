using Acm.Cli;

return AcmTool.Run(args, Console.Out, Console.Error);
