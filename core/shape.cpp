#include "core/shape.h"

#include <fmt/format.h>

namespace tessera {

std::string by(const Size2& size) { return fmt::format("{}x{}", size[0], size[1]); }

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape.dims(), ", "));
}

}  // namespace tessera

fmt::format_context::iterator fmt::formatter<tessera::Shape>::format(
    const tessera::Shape& shape, fmt::format_context& context) const {
  return fmt::formatter<fmt::string_view>::format(tessera::to_string(shape), context);
}
