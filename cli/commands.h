// The subcommands of the program. Each binds its options to `app` and returns what runs it.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace tessera {

/// Exit codes of the program.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;    ///< the run failed: data, files, numbers
inline constexpr int kExitUsage = 2;     ///< bad command line or configuration
inline constexpr int kExitProblems = 3;  ///< a check found problems

/// Runs a subcommand and returns the exit code.
using Action = std::function<int()>;

Action add_train_command(CLI::App& app);
Action add_eval_command(CLI::App& app);
Action add_predict_command(CLI::App& app);
Action add_score_command(CLI::App& app);
Action add_attention_command(CLI::App& app);
Action add_inspect_command(CLI::App& app);
Action add_forward_command(CLI::App& app);
Action add_convert_command(CLI::App& app);
Action add_export_command(CLI::App& app);
Action add_ablate_command(CLI::App& app);
Action add_bench_command(CLI::App& app);
Action add_report_command(CLI::App& app);
Action add_runs_command(CLI::App& app);
Action add_watch_command(CLI::App& app);
Action add_lr_find_command(CLI::App& app);
Action add_data_command(CLI::App& app);
Action add_data_check_command(CLI::App& app);  ///< `data check`
Action add_config_command(CLI::App& app);

}  // namespace tessera
