// The subcommands of the program. Each adds its options to `arguments` and returns what runs it.
#pragma once

#include <functional>

namespace tessera {

class Arguments;
class CommandLine;

/// Exit codes of the program.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;    ///< it failed: data, files, numbers
inline constexpr int kExitUsage = 2;     ///< bad command line or configuration
inline constexpr int kExitProblems = 3;  ///< a check found problems

/// Runs a subcommand and returns the exit code.
using Action = std::function<int()>;

Action add_init_command(Arguments& arguments);
Action add_train_command(Arguments& arguments);
Action add_eval_command(Arguments& arguments);
Action add_predict_command(Arguments& arguments);
Action add_mistakes_command(Arguments& arguments);
Action add_score_command(Arguments& arguments);
Action add_explain_command(Arguments& arguments);
Action add_attention_command(Arguments& arguments);
Action add_inspect_command(Arguments& arguments);
Action add_forward_command(Arguments& arguments);
Action add_convert_command(Arguments& arguments);
Action add_export_command(Arguments& arguments);
Action add_quantize_command(Arguments& arguments);
Action add_ablate_command(Arguments& arguments);
Action add_bench_command(Arguments& arguments);
Action add_report_command(Arguments& arguments);
Action add_runs_command(Arguments& arguments);
Action add_watch_command(Arguments& arguments);
Action add_lr_find_command(Arguments& arguments);
Action add_data_command(Arguments& arguments);
Action add_data_check_command(Arguments& arguments);  ///< `data check`
Action add_config_command(Arguments& arguments);

/// `line` has all commands when these run, and outlives them.
Action add_completion_command(Arguments& arguments, const CommandLine& line);
Action add_manual_command(Arguments& arguments, const CommandLine& line);

}  // namespace tessera
