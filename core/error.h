// Typed errors: what went wrong decides the type, and the type decides the exit code of the
// program.
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace tessera {

/// Base of every error a caller can cause. The text is one line: place, values, way out.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Shapes that do not fit an op or a layer.
class ShapeError : public Error {
  using Error::Error;
};

/// A configuration or command line that cannot be meant (exit code 2).
class ConfigError : public Error {
  using Error::Error;
};

/// A data file that is missing, truncated or not what its name says.
class DataError : public Error {
  using Error::Error;
};

/// A checkpoint or weight file that cannot be read, written or does not fit the model.
class CheckpointError : public Error {
  using Error::Error;
};

/// A loss, gradient or activation that is not finite.
class NonFiniteError : public Error {
  using Error::Error;
};

/// Throws `E` with a formatted text: `fail<ShapeError>("[linear] x {} ...", x.shape())`.
template <typename E, typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw E(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace tessera
