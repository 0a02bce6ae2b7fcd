// The command line of the program. Only arguments.cpp includes CLI11, which takes seconds to
// compile.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace tessera {

/// One option or positional of a command. Every rule returns the argument, for the next rule.
class Argument {
 public:
  Argument required();

  /// A list takes one value each time the option is given: `--set a=1 --set b=2`.
  Argument repeated();

  /// A list takes its values as one word: `1,2,4`.
  Argument comma_separated();

  Argument one_of(std::initializer_list<const char*> words);
  Argument between(int low, int high);
  Argument between(double low, double high);

  /// The help shows the value that the variable holds now.
  Argument with_default();

  /// The two cannot be given together.
  Argument excludes(const Argument& other);

  /// This one cannot be given without the other.
  Argument needs(const Argument& other);

 private:
  friend class Arguments;
  explicit Argument(CLI::Option* option) : option_(option) {}

  CLI::Option* option_;
};

/// The arguments of one command: what is parsed goes to variables, which have to live until then.
class Arguments {
 public:
  explicit Arguments(CLI::App* app) : app_(app) {}

  /// `T` is a string, a number, or a vector of strings or numbers: see the end of arguments.cpp. A
  /// vector needs one of the rules repeated() and comma_separated(), unless it is a positional.
  template <typename T>
  Argument add_option(const char* name, T& value, const char* help);
  Argument add_flag(const char* name, bool& value, const char* help);

  /// A command below this one; one of them must be given then.
  Arguments add_command(const char* name, const char* help);

  void footer(const char* text);

  /// A whole line as one would type it, below everything else in the help.
  void example(const char* line);

  /// Whether this command was given.
  bool given() const;

 private:
  CLI::App* app_;
};

struct CommandInfo;

class CommandLine {
 public:
  CommandLine(const char* name, const char* description, const std::string& version);
  ~CommandLine();

  Arguments arguments() { return Arguments(app_.get()); }

  /// All commands and options, as the help shows them.
  CommandInfo describe() const;

  /// Fills the variables of all arguments. An exit code if that was all there is to do (--help).
  /// Throws ConfigError.
  std::optional<int> parse(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace tessera
