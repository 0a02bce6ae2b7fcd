// Whether a text is well-formed as far as a browser or a parser of XML would mind.
#pragma once

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::test {

class XmlCheck {
 public:
  /// What is wrong with `text`, or an empty string. What is within `script` and `style` is not
  /// looked at.
  static std::string problem(std::string_view text) { return XmlCheck(text).run(); }

 private:
  explicit XmlCheck(std::string_view text) : text_(text) {}

  std::string run() {
    if (starts_with("<!DOCTYPE html>")) at_ += 15;
    while (at_ < text_.size() && problem_.empty()) {
      if (text_[at_] != '<') {
        character();
      } else if (starts_with("</")) {
        end_tag();
      } else {
        start_tag();
      }
    }
    if (problem_.empty() && !open_.empty()) return "never closed: " + open_.back();
    return problem_;
  }

  bool starts_with(std::string_view prefix) const { return text_.substr(at_).starts_with(prefix); }

  void complain(const std::string& what) {
    const std::size_t begin = at_ > 40 ? at_ - 40 : 0;
    if (problem_.empty()) problem_ = what + " near: " + std::string(text_.substr(begin, 80));
  }

  /// One character of text or of a value, or an entity.
  void character() {
    if (text_[at_] == '&') {
      for (const std::string_view entity : {"&amp;", "&lt;", "&gt;", "&quot;"}) {
        if (starts_with(entity)) {
          at_ += entity.size();
          return;
        }
      }
      complain("a bare &");
    }
    if (text_[at_] == '<' || text_[at_] == '>') complain("a bare < or >");
    ++at_;
  }

  std::string name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 ||
                                  text_[at_] == '-' || text_[at_] == ':')) {
      ++at_;
    }
    if (at_ == begin) complain("no name");
    return std::string(text_.substr(begin, at_ - begin));
  }

  void attribute() {
    ++at_;
    name();
    if (!starts_with("=\"")) return complain("no =\"");
    at_ += 2;
    while (at_ < text_.size() && text_[at_] != '"' && problem_.empty()) character();
    ++at_;
  }

  void start_tag() {
    ++at_;
    const std::string tag = name();
    while (at_ < text_.size() && text_[at_] == ' ' && problem_.empty()) attribute();
    if (starts_with("/>")) {
      at_ += 2;
      return;
    }
    if (!starts_with(">")) return complain("no end of a tag");
    ++at_;
    open_.push_back(tag);
    if (tag == "script" || tag == "style")
      at_ = std::min(text_.size(), text_.find("</" + tag, at_));
  }

  void end_tag() {
    at_ += 2;
    const std::string tag = name();
    if (open_.empty() || open_.back() != tag) return complain("closes what is not open: " + tag);
    open_.pop_back();
    if (!starts_with(">")) return complain("no end of a tag");
    ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::string> open_;
  std::string problem_;
};

}  // namespace tessera::test
