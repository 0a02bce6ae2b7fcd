// Pages of the manual.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/command_table.h"
#include "core/error.h"

namespace tessera {
namespace {

/// Text that roff prints as it stands.
std::string roff(std::string_view text) {
  std::string escaped;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) escaped += "\\&";
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else {
      escaped += c;
    }
    line_begins = c == '\n';
  }
  return escaped;
}

std::string bold(std::string_view text) { return fmt::format("\\fB{}\\fR", roff(text)); }
std::string italic(std::string_view text) { return fmt::format("\\fI{}\\fR", roff(text)); }

std::string usage(const CommandInfo& command, const std::string& full) {
  std::string text = fmt::format("{} [{}]", bold(full), italic("options"));
  if (!command.commands.empty()) text += fmt::format(" {} ...", italic("command"));
  for (const OptionInfo& option : command.options) {
    if (!option.positional) continue;
    const std::string name = italic(option.name) + (option.list == ListForm::kWords ? " ..." : "");
    text += option.required ? fmt::format(" {}", name) : fmt::format(" [{}]", name);
  }
  return text;
}

std::string options_of(const CommandInfo& command) {
  std::string text;
  for (const OptionInfo& option : command.options) {
    text += fmt::format(".TP\n{}", option.positional ? italic(option.name) : bold(option.name));
    if (!option.positional && !option.value.empty())
      text += fmt::format(" {}", italic(option.value));
    text += fmt::format("\n{}", roff(option.help));
    if (!option.words.empty()) {
      text += fmt::format(" ({})", roff(fmt::format("{}", fmt::join(option.words, ", "))));
    }
    if (option.list == ListForm::kRepeated) text += "; may be repeated";
    if (option.list == ListForm::kCommas) text += "; several with commas between them";
    text += option.required ? "; required\n" : "\n";
  }
  return text;
}

}  // namespace

std::string manual_page(const CommandInfo& program, const std::vector<std::string>& path) {
  const CommandInfo* command = &program;
  std::string full = program.name, title = program.name;
  for (const std::string& word : path) {
    const CommandInfo* next = nullptr;
    for (const CommandInfo& sub : command->commands) {
      if (sub.name == word) next = &sub;
    }
    if (next == nullptr) fail<ConfigError>("{}: no such command of {}", word, full);
    command = next;
    full += fmt::format(" {}", word);
    title += fmt::format("-{}", word);
  }
  std::string page = fmt::format(".TH {} 1 \"\" \"tessera {}\" \"Tessera\"\n.SH NAME\n{} \\- {}\n",
                                 roff(title), TESSERA_VERSION, roff(title),
                                 roff(command->help.substr(0, command->help.find('\n'))));
  page += fmt::format(".SH SYNOPSIS\n{}\n", usage(*command, full));
  if (const std::size_t rest = command->help.find('\n'); rest != std::string::npos) {
    page += fmt::format(".SH DESCRIPTION\n.nf\n{}\n.fi\n", roff(command->help.substr(rest + 1)));
  }
  if (!command->options.empty()) page += fmt::format(".SH OPTIONS\n{}", options_of(*command));
  if (!command->commands.empty()) {
    page += ".SH COMMANDS\n";
    for (const CommandInfo& sub : command->commands) {
      page += fmt::format(".TP\n{}\n{}; see {}(1)\n", bold(sub.name), roff(sub.help),
                          bold(fmt::format("{}-{}", title, sub.name)));
    }
  }
  if (!command->footer.empty()) {
    page += fmt::format(".SH NOTES\n.nf\n{}\n.fi\n", roff(command->footer));
  }
  return page;
}

}  // namespace tessera
