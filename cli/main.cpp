// tessera: trains, evaluates and measures Swin Transformers on the CPU.
#include <fmt/core.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/together.h"
#include "commit.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/posix.h"
#include "train/build_info.h"
#include "train/log.h"
#include "train/signals.h"

namespace tessera {
namespace {

struct Command {
  Arguments arguments;
  Action run;
};

std::vector<Command> add_commands(CommandLine& line) {
  Arguments program = line.arguments();
  std::vector<Command> commands;
  const auto add = [&](const char* name, const char* help, Action (*bind)(Arguments&),
                       const char* example) {
    Arguments arguments = program.add_command(name, help);
    Action run = bind(arguments);
    arguments.example(example);
    commands.push_back({arguments, std::move(run)});
  };
  add("init", "Write a configuration for a folder of images", add_init_command,
      "tessera init flowers && tessera train flowers.yaml");
  add("train", "Train a model as a configuration says", add_train_command,
      "tessera train configs/flowers.yaml --set data.root=flowers");
  add("eval", "Test a checkpoint on a data set", add_eval_command,
      "tessera eval runs/flowers --confusion --predictions answers.csv");
  add("predict", "Say what is in images: classes, masks or boxes", add_predict_command,
      "tessera predict runs/flowers photos --format csv --threshold 0.8");
  add("mistakes", "List the images that a model gets wrong, and labels that look wrong",
      add_mistakes_command, "tessera mistakes runs/flowers --write-skip doubtful.txt");
  add("score", "Compare given masks or boxes with the truth", add_score_command,
      "tessera score labels predictions --classes 11 --ignore 255");
  add("attention", "Draw where a model looks in an image", add_attention_command,
      "tessera attention runs/flowers photo.jpg --out looks.png");
  add("explain", "Draw what in an image speaks for a class", add_explain_command,
      "tessera explain runs/flowers photo.jpg --class tulip --out why.png");
  add("inspect", "Show what a configuration or run means, stage by stage", add_inspect_command,
      "tessera inspect configs/swin_tiny.yaml --set model.patch_size=2");
  add("forward", "Run given weights on a given input, and the gradients", add_forward_command,
      "tessera forward --model configs/swin_tiny.yaml --weights swin_t.pth \\\n"
      "    --input x.safetensors --output y.safetensors");
  add("convert", "Rename weights for another framework, or fit them to another geometry",
      add_convert_command, "tessera convert runs/flowers flowers.safetensors --to timm");
  add("export", "Write a model as an ONNX file", add_export_command,
      "tessera export runs/flowers flowers.onnx");
  add("quantize", "Write a model whose linear layers multiply in 8 bits", add_quantize_command,
      "tessera quantize runs/flowers && tessera eval runs/flowers-int8");
  add("ablate", "Train variants of a configuration and compare them", add_ablate_command,
      "tessera ablate configs/studies/patch_size_fashion.yaml --quick --dry-run");
  add("bench", "Measure speed, memory and the time by op", add_bench_command,
      "tessera bench configs/swin_tiny.yaml --batch 8");
  add("report", "Write what there is to see of a run or study as one HTML file", add_report_command,
      "tessera report runs/flowers --out flowers.html");
  add("runs", "List runs: state, best result, and how they differ", add_runs_command,
      "tessera runs runs");
  add("watch", "Follow the curves of a run in the terminal", add_watch_command,
      "tessera watch runs/flowers");
  add("lr-find", "Suggest a learning rate by a short test", add_lr_find_command,
      "tessera lr-find configs/flowers.yaml --set data.root=flowers");
  add("data", "Check a data set, or write some of its images", add_data_command,
      "tessera data check flowers --write-skip broken.txt");
  add("config", "Explain every key of a configuration", add_config_command,
      "tessera config > keys.md");
  const auto add_last = [&](const char* name, const char* help,
                            Action (*bind)(Arguments&, const CommandLine&), const char* example) {
    Arguments arguments = program.add_command(name, help);
    Action run = bind(arguments, line);
    arguments.example(example);
    commands.push_back({arguments, std::move(run)});
  };
  add_last("completion", "Write what lets a shell complete commands", add_completion_command,
           "tessera completion bash > ~/.local/share/bash-completion/completions/tessera");
  add_last("manual", "Write a page of the manual, for man", add_manual_command,
           "tessera manual train | man -l -");
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
      "  tessera init photos                                     a configuration for your images\n"
      "  tessera train configs/fashion_mnist_quickstart.yaml     train, into runs/\n"
      "  tessera eval runs/fashion_mnist_quickstart              test its best checkpoint\n"
      "  tessera predict runs/fashion_mnist_quickstart a.png     classify an image\n\n"
      "Exit codes: 0 ok, 1 it failed (data, files, numbers), 2 bad usage or configuration, 3 a "
      "check "
      "found problems, 130 ended by Ctrl-C.",
      version_text(TESSERA_COMMIT));
  const std::vector<Command> commands = add_commands(line);
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
  tessera::set_program_commit(TESSERA_COMMIT);
  std::signal(SIGXFSZ, SIG_IGN);  // a file too large is an error to report, not a reason to die
  try {
    return tessera::finish(tessera::run(argc, argv));
  } catch (const std::exception& error) {
    const auto [text, code] = tessera::failure_of(error);
    return tessera::fail_with(text, code);
  }
}
