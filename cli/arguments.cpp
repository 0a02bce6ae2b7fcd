#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <vector>

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
  return Argument(option_->check(CLI::Range(low, high)));
}

Argument Argument::between(double low, double high) {
  return Argument(option_->check(CLI::Range(low, high)));
}

Argument Argument::with_default() { return Argument(option_->capture_default_str()); }

Argument Argument::excludes(const Argument& other) {
  return Argument(option_->excludes(other.option_));
}

Argument Argument::needs(const Argument& other) { return Argument(option_->needs(other.option_)); }

template <typename T>
Argument Arguments::add_option(const char* name, T& value, const char* help) {
  return Argument(app_->add_option(name, value, help));
}

Argument Arguments::add_flag(const char* name, bool& value, const char* help) {
  return Argument(app_->add_flag(name, value, help));
}

Arguments Arguments::add_command(const char* name, const char* help) {
  app_->require_subcommand(1);
  return Arguments(app_->add_subcommand(name, help));
}

void Arguments::footer(const char* text) { app_->footer(text); }

bool Arguments::given() const { return app_->parsed(); }

CommandLine::CommandLine(const char* name, const char* description, const char* version)
    : app_(std::make_unique<CLI::App>(description, name)) {
  app_->set_version_flag("--version", std::string(version));
}

CommandLine::~CommandLine() = default;

std::optional<int> CommandLine::parse(int argc, char** argv) {
  if (const std::string unknown = unknown_command(*app_, argc, argv); !unknown.empty()) {
    fail<ConfigError>("{}: no such command (tessera --help lists them)", unknown);
  }
  try {
    app_->parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app_->exit(success);
  } catch (const CLI::ParseError& error) {
    fail<ConfigError>("{} (tessera --help shows how)", error.what());
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
