#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

#include "cli/command_table.h"
#include "cli/screen.h"
#include "core/error.h"

namespace tessera {
namespace {

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

/// `tessera data check`, as far as the command line names commands.
std::string words_so_far(const CLI::App& app) {
  std::string words = app.get_name();
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    words += ' ' + at->get_name();
  }
  return words;
}

/// What stands for the value of an option in the help.
std::string word_for(std::string_view name, bool is_text) {
  if (!is_text) return "NUMBER";
  if (name == "--set") return "KEY=VALUE";
  if (name == "--extend") return "seeds=NUMBER";
  constexpr std::array kNames = {
      "--class", "--split", "--format",    "--to",     "--tta",           "--block",    "--query",
      "--from",  "--sort",  "--precision", "--prefix", "--allow-missing", "--take-from"};
  return std::find(kNames.begin(), kNames.end(), name) == kNames.end() ? "PATH" : "NAME";
}

template <typename T>
struct ElementOf {
  using Type = T;
};
template <typename T>
struct ElementOf<std::vector<T>> {
  using Type = T;
};
template <typename T>
using Element = typename ElementOf<T>::Type;

/// A line of help in as many lines as it takes: what comes after the first begins below the column
/// of descriptions, or below its first word.
std::string wrapped(std::string_view line, std::size_t width) {
  constexpr std::size_t kColumn = 30;
  if (line.size() <= width) return std::string(line);
  std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
  const bool has_column = line.size() > kColumn && line[0] == ' ' && line[kColumn] != ' ' &&
                          (line[kColumn - 1] == ' ' || indent == kColumn);
  if (has_column) indent = kColumn;
  std::string text;
  std::size_t room = width;
  while (line.size() > room) {
    const std::size_t blank = line.rfind(' ', room);
    if (blank == std::string_view::npos || (text.empty() && blank <= indent)) break;
    text += std::string(line.substr(0, blank)) + '\n' + std::string(indent, ' ');
    line.remove_prefix(blank + 1);
    room = width - indent;
  }
  return text + std::string(line);
}

/// The help as a terminal of `width` columns shows it.
std::string wrapped_help(std::string_view help, std::size_t width) {
  std::string text;
  for (std::size_t begin = 0; begin < help.size();) {
    const std::size_t end = std::min(help.find('\n', begin), help.size());
    text += wrapped(help.substr(begin, end - begin), width) + '\n';
    begin = end + 1;
  }
  return text;
}

/// The words between the braces of `TEXT:{f32,bf16}`, as CLI11 shows what is_member takes.
std::vector<std::string> words_in(const std::string& type) {
  std::vector<std::string> words;
  const std::size_t begin = type.find('{'), end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos) return words;
  for (std::size_t at = begin + 1; at <= end;) {
    const std::size_t stop = std::min(type.find(',', at), end);
    words.push_back(type.substr(at, stop - at));
    at = stop + 1;
  }
  return words;
}

ListForm list_form(const CLI::Option& option) {
  if (option.get_expected_max() != CLI::detail::expected_max_vector_size) return ListForm::kNone;
  if (option.get_positional() || option.get_allow_extra_args()) return ListForm::kWords;
  return option.get_delimiter() != '\0' ? ListForm::kCommas : ListForm::kRepeated;
}

/// Says of an option how it takes a list, where CLI11 would show them all alike.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    std::string text = CLI::Formatter::make_option_opts(option);
    constexpr std::string_view kMany = " ...";
    const std::size_t at = text.find(kMany);
    if (at == std::string::npos) return text;
    switch (list_form(*option)) {
      case ListForm::kRepeated:
        return text.replace(at, kMany.size(), " (may be repeated)");
      case ListForm::kCommas:
        return text.replace(at, kMany.size(), ",...");
      default:
        return text;
    }
  }
};

OptionInfo info_of(const CLI::Option& option) {
  OptionInfo info{.name = option.get_name(), .help = option.get_description()};
  info.positional = option.get_positional();
  info.required = option.get_required();
  info.list = list_form(option);
  const std::string type = option.get_type_name();
  info.words = words_in(type);
  // A flag takes nothing.
  if (option.get_items_expected_max() > 0) info.value = type.substr(0, type.find(':'));
  return info;
}

CommandInfo info_of(const CLI::App& app) {
  CommandInfo info{.name = app.get_name(),
                   .help = app.get_description(),
                   .footer = app.get_footer(),
                   .options = {},
                   .commands = {}};
  for (const CLI::Option* option : app.get_options()) info.options.push_back(info_of(*option));
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    info.commands.push_back(info_of(*sub));
  }
  return info;
}

/// In words of the program's own: those of CLI::Range depend on its version, and NaN passes there.
template <typename T>
CLI::Validator within(T low, T high) {
  const auto check = [low, high](std::string& text) {
    T value{};
    const bool is_number = CLI::detail::lexical_cast(text, value);
    if (is_number && value >= low && value <= high) return std::string();
    return fmt::format("Value {} not in range {} to {}", text, low, high);
  };
  return {check, ""};
}

}  // namespace

Argument Argument::required() { return Argument(option_->required()); }

Argument Argument::repeated() { return Argument(option_->allow_extra_args(false)); }

Argument Argument::comma_separated() {
  return Argument(option_->delimiter(',')->allow_extra_args(false));
}

Argument Argument::one_of(std::initializer_list<const char*> words) {
  return Argument(
      option_->check(CLI::IsMember(std::vector<std::string>(words.begin(), words.end()))));
}

Argument Argument::between(int low, int high) {
  return Argument(option_->check(within(low, high)));
}

Argument Argument::between(double low, double high) {
  return Argument(option_->check(within(low, high)));
}

Argument Argument::with_default() { return Argument(option_->capture_default_str()); }

Argument Argument::excludes(const Argument& other) {
  return Argument(option_->excludes(other.option_));
}

Argument Argument::needs(const Argument& other) { return Argument(option_->needs(other.option_)); }

template <typename T>
Argument Arguments::add_option(const char* name, T& value, const char* help) {
  CLI::Option* option = app_->add_option(name, value, help);
  option->type_name(word_for(name, std::is_same_v<Element<T>, std::string>));
  return Argument(option);
}

Argument Arguments::add_flag(const char* name, bool& value, const char* help) {
  return Argument(app_->add_flag(name, value, help));
}

Arguments Arguments::add_command(const char* name, const char* help) {
  app_->require_subcommand(1);
  return Arguments(app_->add_subcommand(name, help));
}

void Arguments::footer(const char* text) { app_->footer(text); }

void Arguments::example(const char* line) {
  const std::string before = app_->get_footer();
  app_->footer(fmt::format("{}{}Example:\n  {}", before, before.empty() ? "" : "\n\n", line));
}

bool Arguments::given() const { return app_->parsed(); }

CommandLine::CommandLine(const char* name, const char* description, const std::string& version)
    : app_(std::make_unique<CLI::App>(description, name)) {
  app_->set_version_flag("--version", version);
  app_->formatter(std::make_shared<HelpFormatter>());
}

CommandLine::~CommandLine() = default;

CommandInfo CommandLine::describe() const { return info_of(*app_); }

std::optional<int> CommandLine::parse(int argc, char** argv) {
  if (const std::string unknown = unknown_command(*app_, argc, argv); !unknown.empty()) {
    fail<ConfigError>("{}: no such command (tessera --help lists them)", unknown);
  }
  try {
    app_->parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    constexpr int kNarrowest = 60, kWidest = 100;
    const auto width = static_cast<std::size_t>(
        std::clamp(static_cast<int>(screen_size().columns), kNarrowest, kWidest));
    fmt::print("{}", wrapped_help(app_->help(), width));
    return 0;
  } catch (const CLI::Success& success) {
    return app_->exit(success);
  } catch (const CLI::ExtrasError& error) {
    const std::string text = error.what();
    fail<ConfigError>("{}{} ({} --help shows how)", text,
                      text.find('=') == std::string::npos ? "" : "; each --set takes one KEY=VALUE",
                      words_so_far(*app_));
  } catch (const CLI::ParseError& error) {
    fail<ConfigError>("{} ({} --help shows how)", error.what(), words_so_far(*app_));
  }
  return std::nullopt;
}

template Argument Arguments::add_option(const char*, std::string&, const char*);
template Argument Arguments::add_option(const char*, int&, const char*);
template Argument Arguments::add_option(const char*, std::int64_t&, const char*);
template Argument Arguments::add_option(const char*, float&, const char*);
template Argument Arguments::add_option(const char*, double&, const char*);
template Argument Arguments::add_option(const char*, std::vector<std::string>&, const char*);
template Argument Arguments::add_option(const char*, std::vector<int>&, const char*);
template Argument Arguments::add_option(const char*, std::vector<double>&, const char*);
template Argument Arguments::add_option(const char*, std::vector<std::int64_t>&, const char*);

}  // namespace tessera
