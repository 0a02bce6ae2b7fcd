// tessera: trains, evaluates and measures Swin Transformers on the CPU.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <exception>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "core/error.h"
#include "core/parallel.h"

namespace tessera {
namespace {

struct Command {
  CLI::App* app;
  Action run;
};

std::vector<Command> add_commands(CLI::App& app) {
  std::vector<Command> commands;
  const auto add = [&](const char* name, const char* help, Action (*bind)(CLI::App&)) {
    CLI::App* sub = app.add_subcommand(name, help);
    commands.push_back({sub, bind(*sub)});
  };
  add("train", "Train a model as a configuration says", add_train_command);
  add("eval", "Test a checkpoint on a data set", add_eval_command);
  add("predict", "Classify image files", add_predict_command);
  add("score", "Compare given masks or boxes with the truth", add_score_command);
  add("attention", "Draw where a model looks in an image", add_attention_command);
  add("inspect", "Show what a configuration or run means, stage by stage", add_inspect_command);
  add("forward", "Run given weights on a given input, and the gradients", add_forward_command);
  add("convert", "Rename weights for another framework, or fit them to another geometry",
      add_convert_command);
  add("export", "Write a model as an ONNX file", add_export_command);
  add("ablate", "Train variants of a configuration and compare them", add_ablate_command);
  add("bench", "Measure speed, memory and the time by op", add_bench_command);
  add("report", "Write what there is to see of a run or study as one HTML file",
      add_report_command);
  add("runs", "List runs: state, best result, and how they differ", add_runs_command);
  add("watch", "Follow the curves of a run in the terminal", add_watch_command);
  add("lr-find", "Suggest a learning rate by a short test", add_lr_find_command);
  add("data", "Check a data set, or write some of its images", add_data_command);
  add("config", "Explain every key of a configuration", add_config_command);
  return commands;
}

/// The first word of the command line that stands where a command should and is none; or nothing.
std::string unknown_command(const CLI::App& app, int argc, char** argv) {
  const CLI::App* at = &app;
  for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
    const std::vector<const CLI::App*> subs =
        at->get_subcommands([](const CLI::App*) { return true; });
    if (subs.empty()) break;
    const auto found = std::find_if(
        subs.begin(), subs.end(), [&](const CLI::App* sub) { return sub->get_name() == argv[i]; });
    if (found == subs.end()) return argv[i];
    at = *found;
  }
  return "";
}

int fail_with(const std::string& message, int code) {
  fmt::print(stderr, "tessera: {}\n", message);
  return code;
}

int run(int argc, char** argv) {
  CLI::App app(
      "Tessera trains Swin Transformers on the CPU, driven by one YAML file.\n\n"
      "  tessera train configs/fashion_mnist_quickstart.yaml     train, into runs/\n"
      "  tessera eval runs/fashion_mnist_quickstart              test its best checkpoint\n"
      "  tessera predict runs/fashion_mnist_quickstart a.png     classify an image\n\n"
      "Exit codes: 0 ok, 1 the run failed, 2 bad usage or configuration, 3 a check found problems.",
      "tessera");
  app.set_version_flag("--version", std::string("tessera ") + TESSERA_VERSION);
  app.require_subcommand(1);
  const std::vector<Command> commands = add_commands(app);
  if (const std::string unknown = unknown_command(app, argc, argv); !unknown.empty()) {
    return fail_with(unknown + ": no such command (tessera --help lists them)", kExitUsage);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return fail_with(std::string(error.what()) + " (tessera --help shows how)", kExitUsage);
  }
  for (const Command& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return kExitUsage;
}

}  // namespace
}  // namespace tessera

int main(int argc, char** argv) {
  tessera::restart_with_short_waits(argv);
  std::signal(SIGXFSZ, SIG_IGN);  // a file too large is an error to report, not a reason to die
  try {
    return tessera::run(argc, argv);
  } catch (const tessera::ConfigError& error) {
    return tessera::fail_with(error.what(), tessera::kExitUsage);
  } catch (const std::bad_alloc&) {
    return tessera::fail_with("out of memory: lower data.batch_size", tessera::kExitFailed);
  } catch (const std::exception& error) {
    return tessera::fail_with(error.what(), tessera::kExitFailed);
  }
}
