// tessera: trains, evaluates and measures Swin Transformers on the CPU.
#include <fmt/core.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/posix.h"
#include "train/log.h"
#include "train/signals.h"

namespace tessera {
namespace {

struct Command {
  Arguments arguments;
  Action run;
};

std::vector<Command> add_commands(Arguments program) {
  std::vector<Command> commands;
  const auto add = [&](const char* name, const char* help, Action (*bind)(Arguments&)) {
    Arguments arguments = program.add_command(name, help);
    Action run = bind(arguments);
    commands.push_back({arguments, std::move(run)});
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

int fail_with(const std::string& message, int code) {
  notice("tessera: {}", message);
  return code;
}

/// Results that did not get where they were to go are no results.
int finish(int code) {
  std::cout.flush();
  const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good();
  if (written || code != kExitOk) return code;
  return fail_with(fmt::format("standard output cannot be written: {}", std::strerror(errno)),
                   kExitFailed);
}

int run(int argc, char** argv) {
  CommandLine line(
      "tessera",
      "Tessera trains Swin Transformers on the CPU, driven by one YAML file.\n\n"
      "  tessera train configs/fashion_mnist_quickstart.yaml     train, into runs/\n"
      "  tessera eval runs/fashion_mnist_quickstart              test its best checkpoint\n"
      "  tessera predict runs/fashion_mnist_quickstart a.png     classify an image\n\n"
      "Exit codes: 0 ok, 1 the run failed, 2 bad usage or configuration, 3 a check found problems.",
      "tessera " TESSERA_VERSION);
  const std::vector<Command> commands = add_commands(line.arguments());
  if (const std::optional<int> code = line.parse(argc, argv)) return *code;
  for (const Command& command : commands) {
    if (command.arguments.given()) return command.run();
  }
  return kExitUsage;
}

}  // namespace
}  // namespace tessera

int main(int argc, char** argv) {
  tessera::open_standard_descriptors();
  if (argc > 1 && std::string_view(argv[1]) == "train") tessera::hold_report_requests();
  tessera::restart_with_short_waits(argv);
  tessera::use_available_cpus();
  std::signal(SIGXFSZ, SIG_IGN);  // a file too large is an error to report, not a reason to die
  try {
    return tessera::finish(tessera::run(argc, argv));
  } catch (const tessera::ConfigError& error) {
    return tessera::fail_with(error.what(), tessera::kExitUsage);
  } catch (const std::bad_alloc&) {
    return tessera::fail_with("out of memory: lower data.batch_size", tessera::kExitFailed);
  } catch (const std::exception& error) {
    return tessera::fail_with(error.what(), tessera::kExitFailed);
  }
}
