// Scripts for the completion of bash, zsh and fish.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>

#include "cli/command_table.h"

namespace tessera {
namespace {

/// Every command below `program` with the words that lead to it: `data check`.
using Visit = std::function<void(const CommandInfo&, const std::string& words)>;

void for_each_command(const CommandInfo& command, const std::string& words, const Visit& visit) {
  visit(command, words);
  for (const CommandInfo& sub : command.commands) {
    for_each_command(sub, words.empty() ? sub.name : words + " " + sub.name, visit);
  }
}

std::vector<std::string> names_of(const std::vector<CommandInfo>& commands) {
  std::vector<std::string> names;
  for (const CommandInfo& command : commands) names.push_back(command.name);
  return names;
}

std::vector<std::string> option_names(const CommandInfo& command) {
  std::vector<std::string> names;
  for (const OptionInfo& option : command.options) {
    if (!option.positional) names.push_back(option.name);
  }
  return names;
}

/// `text` between single quotes of a shell.
std::string single_quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string bash_script(const CommandInfo& program) {
  std::string commands, options, words;
  for_each_command(program, "", [&](const CommandInfo& command, const std::string& path) {
    if (!command.commands.empty()) {
      commands +=
          fmt::format("    '{}') echo '{}' ;;\n", path, fmt::join(names_of(command.commands), " "));
    }
    options += fmt::format("    '{}') echo '{}' ;;\n", path, fmt::join(option_names(command), " "));
    for (const OptionInfo& option : command.options) {
      if (option.words.empty()) continue;
      words += fmt::format("    '{} {}') echo '{}' ;;\n", path, option.name,
                           fmt::join(option.words, " "));
    }
  });
  return fmt::format(
      R"sh(# bash completion for {0}, written by `{0} completion bash`
_{0}_commands() {{
  case "$1" in
{1}  esac
}}
_{0}_options() {{
  case "$1" in
{2}  esac
}}
_{0}_words() {{
  case "$1" in
{3}    *) return 1 ;;
  esac
}}
_{0}() {{
  local path="" word commands words i
  local current="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}"
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; ++i)); do
    word="${{COMP_WORDS[i]}}"
    commands=" $(_{0}_commands "$path") "
    if [[ "$commands" == *" $word "* ]]; then path="${{path:+$path }}$word"; else break; fi
  done
  if words="$(_{0}_words "$path $before")"; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  elif [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W "$(_{0}_options "$path")" -- "$current"))
  elif commands="$(_{0}_commands "$path")" && [[ -n "$commands" ]]; then
    COMPREPLY=($(compgen -W "$commands" -- "$current"))
  else
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}}
complete -F _{0} {0}
)sh",
      program.name, commands, options, words);
}

/// A text within a specification of zsh's _arguments: it ends at a bracket or a colon.
std::string zsh_text(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') plain += '\\';
    plain += c;
  }
  return plain;
}

std::string zsh_option(const OptionInfo& option) {
  const std::string action =
      option.words.empty() ? "_files" : fmt::format("({})", fmt::join(option.words, " "));
  if (option.positional) {
    return single_quoted(fmt::format("*:{}:{}", zsh_text(option.name), action));
  }
  std::string text = fmt::format("*{}[{}]", option.name, zsh_text(option.help));
  if (!option.value.empty()) text += fmt::format(":{}:{}", zsh_text(option.value), action);
  return single_quoted(text);
}

void add_zsh_function(const CommandInfo& command, const std::string& name, std::string& script) {
  std::string arguments;
  bool has_positional = false;
  for (const OptionInfo& option : command.options) {
    if (option.positional && has_positional) continue;  // one rule completes all of them
    has_positional |= option.positional;
    arguments += " \\\n    " + zsh_option(option);
  }
  if (command.commands.empty()) {
    script += fmt::format("{}() {{\n  _arguments -s{}\n}}\n", name, arguments);
    return;
  }
  std::string list, branches;
  for (const CommandInfo& sub : command.commands) {
    list += "\n    " + single_quoted(zsh_text(sub.name) + ":" + zsh_text(sub.help));
    branches += fmt::format("      {0}) {1}_{0} ;;\n", sub.name, name);
    add_zsh_function(sub, name + "_" + sub.name, script);
  }
  script += fmt::format(
      "{0}() {{\n  local line state\n  local -a commands=({1}\n  )\n"
      "  _arguments -C{2} \\\n    '1: :->command' '*::argument:->argument'\n  case $state in\n"
      "    command) _describe command commands ;;\n    argument) case $line[1] in\n{3}    esac ;;\n"
      "  esac\n}}\n",
      name, list, arguments, branches);
}

std::string zsh_script(const CommandInfo& program) {
  std::string script =
      fmt::format("#compdef {0}\n# written by `{0} completion zsh`\n", program.name);
  add_zsh_function(program, "_" + program.name, script);
  return script + fmt::format("compdef _{0} {0}\n", program.name);
}

std::string fish_script(const CommandInfo& program) {
  std::string script =
      fmt::format("# fish completion, written by `{} completion fish`\n", program.name);
  for_each_command(program, "", [&](const CommandInfo& command, const std::string& path) {
    std::string condition;
    for (std::size_t at = 0; at < path.size();) {
      const std::size_t end = std::min(path.find(' ', at), path.size());
      condition += fmt::format("{}__fish_seen_subcommand_from {}",
                               condition.empty() ? "" : "; and ", path.substr(at, end - at));
      at = end + 1;
    }
    const std::string here = condition.empty() ? "__fish_use_subcommand" : condition;
    const auto names = names_of(command.commands);
    for (const CommandInfo& sub : command.commands) {
      const std::string when = condition.empty()
                                   ? here
                                   : fmt::format("{}; and not __fish_seen_subcommand_from {}",
                                                 condition, fmt::join(names, " "));
      script += fmt::format("complete -c {} -f -n {} -a {} -d {}\n", program.name,
                            single_quoted(when), sub.name, single_quoted(sub.help));
    }
    for (const OptionInfo& option : command.options) {
      if (option.positional || !option.name.starts_with("--")) continue;
      script += fmt::format(
          "complete -c {} -n {} -l {} -d {}{}{}\n", program.name, single_quoted(here),
          option.name.substr(2), single_quoted(option.help), option.value.empty() ? "" : " -r",
          option.words.empty()
              ? ""
              : fmt::format(" -f -a {}",
                            single_quoted(fmt::format("{}", fmt::join(option.words, " ")))));
    }
  });
  return script;
}

}  // namespace

std::string completion_script(const CommandInfo& program, const std::string& shell) {
  if (shell == "bash") return bash_script(program);
  return shell == "zsh" ? zsh_script(program) : fish_script(program);
}

}  // namespace tessera
