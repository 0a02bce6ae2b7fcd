// What the program's commands and their options are, for pages of the manual and for shells.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tessera {

/// How an option or positional takes a list.
enum class ListForm : std::uint8_t {
  kNone,      ///< it takes no list
  kRepeated,  ///< a value each time the option is given
  kCommas,    ///< as one word: `1,2,4`
  kWords      ///< as many words as there are: positionals alone
};

struct OptionInfo {
  std::string name;  ///< `--set`; of a positional `RUN`
  std::string help;
  std::string value{};               ///< what it takes: `TEXT`; empty for a flag
  std::vector<std::string> words{};  ///< all that it may be, if these are few
  ListForm list = ListForm::kNone;
  bool positional = false;
  bool required = false;
};

struct CommandInfo {
  std::string name;  ///< `train`; of the program itself `tessera`
  std::string help;
  std::string footer;
  std::vector<OptionInfo> options;
  std::vector<CommandInfo> commands;
};

/// A script that lets `shell`, bash, zsh or fish, complete the command line of `program`.
std::string completion_script(const CommandInfo& program, const std::string& shell);

/// A page of the manual for man(1) in roff: of the program, or of its command `path`, such as
/// {"data", "check"}.
std::string manual_page(const CommandInfo& program, const std::vector<std::string>& path);

}  // namespace tessera
