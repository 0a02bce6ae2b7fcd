// tessera completion, tessera manual: for packages and for who sets up a shell.
#include <fmt/core.h>

#include <filesystem>
#include <functional>
#include <memory>

#include "cli/arguments.h"
#include "cli/command_table.h"
#include "cli/commands.h"
#include "core/atomic_file.h"
#include "core/error.h"

namespace tessera {
namespace {

struct ManualOptions {
  std::vector<std::string> command;
  std::string all;
};

void write_pages(const CommandInfo& program, const CommandInfo& command,
                 std::vector<std::string>& path, const std::filesystem::path& folder) {
  std::string name = program.name;
  for (const std::string& word : path) name += "-" + word;
  AtomicFile file((folder / (name + ".1")).string());
  file.write(manual_page(program, path));
  file.commit();
  for (const CommandInfo& sub : command.commands) {
    path.push_back(sub.name);
    write_pages(program, sub, path, folder);
    path.pop_back();
  }
}

}  // namespace

Action add_completion_command(Arguments& arguments, const CommandLine& line) {
  auto shell = std::make_shared<std::string>();
  arguments.add_option("shell", *shell, "bash, zsh or fish")
      .one_of({"bash", "zsh", "fish"})
      .required();
  arguments.footer(
      "  bash: source <(tessera completion bash)\n"
      "  zsh:  source <(tessera completion zsh), after compinit\n"
      "  fish: tessera completion fish | source");
  return [shell, &line] {
    fmt::print("{}", completion_script(line.describe(), *shell));
    return kExitOk;
  };
}

Action add_manual_command(Arguments& arguments, const CommandLine& line) {
  auto options = std::make_shared<ManualOptions>();
  arguments.add_option("command", options->command, "Such as train, or data check; none: tessera");
  arguments.add_option("--all", options->all, "Folder to write the pages of all commands into");
  return [options, &line] {
    const CommandInfo program = line.describe();
    if (options->all.empty()) {
      fmt::print("{}", manual_page(program, options->command));
      return kExitOk;
    }
    std::filesystem::create_directories(options->all);
    std::vector<std::string> path;
    write_pages(program, program, path, options->all);
    return kExitOk;
  };
}

}  // namespace tessera
