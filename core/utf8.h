// Text that is stored: configurations, JSON and safetensors hold UTF-8 and nothing else, names of
// files hold any bytes.
#pragma once

#include <string>
#include <string_view>

namespace tessera {

/// Well-formed UTF-8 (RFC 3629): no stray bytes, no long forms, no surrogates.
bool is_utf8(std::string_view text);

/// `text` with every byte that is no part of a character as `\xe9`; UTF-8 stays what it is.
std::string to_utf8(std::string_view text);

}  // namespace tessera
