#include "files/yaml_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <sstream>
#include <utility>

#include "core/error.h"
#include "core/posix.h"

namespace tessera {
namespace {

constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kMaxKeys = 2000;      // of a map
constexpr std::size_t kMaxItems = 100'000;  // of a list, as that of all classes
constexpr std::size_t kMaxBytes = std::size_t{1} << 24;

[[noreturn]] void fail_at(const Mark& mark, std::string_view message) {
  fail<ConfigError>("{}: {}", to_string(mark), message);
}

/// Builds the tree from the parser's events; open lists and maps are on a stack.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& name, bool has_lines, Problems& problems)
      : name_(name), has_lines_(has_lines), problems_(problems) {}

  Mark place(const YAML::Mark& mark) const {
    if (!has_lines_ || mark.is_null()) return {name_};
    return {name_, mark.line + 1, mark.column + 1};
  }

  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) fail_at(place(mark), "text after the end of the document");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    reject(mark, "", anchor);
    add_scalar(make_node(YamlNode::Kind::kNull, mark));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { reject(mark, "", 1); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    reject(mark, tag, anchor);
    YamlNode node = make_node(YamlNode::Kind::kScalar, mark);
    node.text = value;
    node.quoted = tag == "!";
    add_scalar(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::kList);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { close(); }

 private:
  /// A list or map that is not complete, and the key that waits for its value.
  struct Open {
    YamlNode node;
    std::string key;
    Mark key_mark;
    bool has_key = false;
  };

  YamlNode make_node(YamlNode::Kind kind, const YAML::Mark& mark) const {
    YamlNode node;
    node.kind = kind;
    node.mark = place(mark);
    return node;
  }

  void reject(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) const {
    if (anchor != YAML::NullAnchor) {
      fail_at(place(mark), "anchors and aliases are not supported; share settings through base:");
    }
    // The parser gives "?" to plain values and "!" to quoted ones.
    if (!tag.empty() && tag != "?" && tag != "!") {
      fail_at(place(mark), fmt::format("tags are not supported: {}", tag));
    }
  }

  bool wants_key() const {
    return !open_.empty() && open_.back().node.is_map() && !open_.back().has_key;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YamlNode::Kind kind) {
    reject(mark, tag, anchor);
    if (wants_key())
      fail_at(place(mark), "a list or map where a key should be; is a bracket not closed?");
    if (open_.size() >= kMaxDepth) {
      fail_at(place(mark), fmt::format("nested deeper than {} levels", kMaxDepth));
    }
    open_.emplace_back().node = make_node(kind, mark);
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  void add_scalar(YamlNode node) {
    if (!wants_key()) return add(std::move(node));
    if (node.is_null()) fail_at(node.mark, "a key is missing");
    Open& top = open_.back();
    top.key = std::move(node.text);
    top.key_mark = std::move(node.mark);
    top.has_key = true;
  }

  void add(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& top = open_.back();
    const std::size_t most = top.node.is_list() ? kMaxItems : kMaxKeys;
    if (top.node.items.size() + top.node.entries.size() >= most) {
      fail_at(node.mark, fmt::format("more than {} entries in one {}", most,
                                     top.node.is_list() ? "list" : "map"));
    }
    if (top.node.is_list()) {
      top.node.items.push_back(std::move(node));
      return;
    }
    // A value left out has no place of its own.
    if (node.is_null()) node.mark = top.key_mark;
    top.has_key = false;
    if (YamlEntry* first = top.node.find(top.key)) {
      const std::string place_of_first =
          has_lines_ ? fmt::format("; first on line {}", first->mark.line) : "";
      problems_.add(top.key_mark, fmt::format("duplicate key {}{}", path_of_key(), place_of_first));
      first->value = std::move(node);
    } else {
      top.node.entries.push_back({std::move(top.key), std::move(top.key_mark), std::move(node)});
    }
  }

  std::string path_of_key() const {
    std::string path;
    for (const Open& level : open_) {
      if (!level.node.is_map()) continue;
      path += (path.empty() ? "" : ".") + level.key;
    }
    return path;
  }

  const std::string& name_;
  bool has_lines_;
  Problems& problems_;
  std::vector<Open> open_;
  YamlNode root_;
  int documents_ = 0;
};

/// Throws for bytes that no YAML text has, as those of an image or an archive.
void check_text(const std::string& text, const std::string& name, bool has_lines) {
  if (text.size() > kMaxBytes) {
    fail<ConfigError>("{}: more than {} bytes; is this a configuration?", name, kMaxBytes);
  }
  const auto bad = std::find_if(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
  });
  if (bad != text.end()) {
    const auto line = std::find(std::reverse_iterator(bad), text.rend(), '\n').base();
    Mark mark{name};
    if (has_lines) {
      mark.line = static_cast<int>(std::count(text.begin(), bad, '\n')) + 1;
      mark.column = static_cast<int>(bad - line) + 1;
    }
    fail_at(mark, fmt::format("not a text file: byte 0x{:02x}", static_cast<unsigned char>(*bad)));
  }
}

}  // namespace

const YamlEntry* YamlNode::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [key](const YamlEntry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

YamlEntry* YamlNode::find(std::string_view key) {
  return const_cast<YamlEntry*>(std::as_const(*this).find(key));
}

std::string describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
    case YamlNode::Kind::kScalar:
      break;
  }
  constexpr std::size_t kShown = 40;
  std::string shown = node.text.size() > kShown ? node.text.substr(0, kShown) + "..." : node.text;
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return fmt::format("{}\"{}\"", node.quoted ? "the quoted text " : "", shown);
}

namespace {

/// The first tab that indents a line, up to line `last` from 0; nothing if there is none.
std::optional<YAML::Mark> indenting_tab(const std::string& text, int last) {
  YAML::Mark mark;
  std::size_t begin = 0;
  for (mark.line = 0; mark.line <= last && begin < text.size(); ++mark.line) {
    const std::size_t tab = text.find_first_not_of(' ', begin);
    if (tab != std::string::npos && text[tab] == '\t') {
      mark.column = static_cast<int>(tab - begin);
      return mark;
    }
    const std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;
    begin = end + 1;
  }
  return std::nullopt;
}

}  // namespace

YamlNode parse_yaml(const std::string& text, const std::string& name, Problems& problems,
                    bool has_lines) {
  check_text(text, name, has_lines);
  TreeBuilder builder(name, has_lines, problems);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    if (const auto tab = indenting_tab(text, error.mark.line)) {
      fail_at(builder.place(*tab), "a tab: YAML is indented by blanks alone");
    }
    // From 0.8 on the name of the anchor follows, whatever it is.
    constexpr std::string_view kNoAnchor = "the referenced anchor is not defined";
    const std::string_view why = error.msg;
    fail_at(builder.place(error.mark), why.starts_with(kNoAnchor) ? kNoAnchor : why);
  }
  return builder.take();
}

std::string read_config_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    fail<ConfigError>("{}: no such file", path.string());
  }
  if (std::filesystem::is_directory(status)) {
    fail<ConfigError>("{}: a directory, not a configuration file", path.string());
  }
  const Descriptor file = open_file(path, O_RDONLY | O_NONBLOCK);
  if (!file) fail<ConfigError>("{}: cannot be opened for reading", path.string());
  std::string text(kMaxBytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto read = [&] { return ::read(file.get(), text.data() + size, text.size() - size); };
    const ssize_t got = uninterrupted(read);
    if (got < 0 &&
        errno == EAGAIN) {  // a pipe whose other end is open: what it writes is waited for
      ::fcntl(file.get(), F_SETFL, 0);
      continue;
    }
    if (got < 0) fail<ConfigError>("{}: cannot be read", path.string());
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size == 0 && status.type() == std::filesystem::file_type::fifo) {
    fail<ConfigError>("{}: a pipe that nothing writes to", path.string());
  }
  text.resize(size);
  return text;
}

}  // namespace tessera
