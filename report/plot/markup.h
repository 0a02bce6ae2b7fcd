// Writing HTML and SVG: tags that are closed, text that is escaped. What comes out is well-formed
// XML as long as `raw` is given such.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::report {

/// `name="value"`. An empty value is written too.
struct Attribute {
  Attribute(std::string_view name_, std::string_view value_) : name(name_), value(value_) {}
  Attribute(std::string_view name_, double number);  ///< two decimals, no more than needed

  std::string_view name;
  std::string value;
};

class Markup {
 public:
  using Attributes = std::initializer_list<Attribute>;

  Markup& open(std::string_view tag, Attributes attributes = {});
  Markup& close();  ///< the tag that was opened last

  Markup& text(std::string_view text);
  Markup& raw(std::string_view markup);

  /// `<tag ...>text</tag>`
  Markup& element(std::string_view tag, Attributes attributes, std::string_view text);
  Markup& element(std::string_view tag, std::string_view text) { return element(tag, {}, text); }

  /// `<tag .../>`: for SVG shapes and for the elements of HTML that hold nothing.
  Markup& empty(std::string_view tag, Attributes attributes = {});

  /// All that was written; every tag is closed.
  const std::string& str() const;

 private:
  void begin(std::string_view tag, Attributes attributes);

  std::string text_;
  std::vector<std::string> open_;
};

/// With `&`, `<`, `>` and `"` as entities.
std::string escaped(std::string_view text);

}  // namespace tessera::report
