// Everything wrong with a configuration, collected and reported at once.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tessera {

/// A place in a configuration.
struct Mark {
  std::string file;  ///< or the command line option that takes its place
  int line = 0;      ///< from 1; 0: all of `file`
  int column = 0;    ///< from 1
};

/// `cifar10.yaml:4:3`, or the file alone.
std::string to_string(const Mark& mark);

/// Messages with their places.
class Problems {
 public:
  void add(const Mark& mark, std::string message);

  bool empty() const { return messages_.empty(); }

  const std::vector<std::pair<Mark, std::string>>& messages() const { return messages_; }

  /// Throws a ConfigError with one line a problem, `file:line:col: message`, sorted by place. Does
  /// nothing if there are none.
  void throw_if_any() const;

 private:
  std::vector<std::pair<Mark, std::string>> messages_;
};

}  // namespace tessera
