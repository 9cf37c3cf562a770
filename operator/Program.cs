// Entry point of shoal-operator.
using System.CommandLine;
using Shoal.Operator;

// Finishing a pass or aborting an upload may take longer than the two seconds the library would grant.
return await OperatorCommands.Root().Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(20) });
