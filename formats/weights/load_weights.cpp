#include "formats/weights/load_weights.h"

#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "formats/weights/detector_names.h"
#include "formats/weights/fit.h"

namespace tessera {
namespace {

using Status = LoadReport::Status;
using Line = LoadReport::Line;

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

bool matches_any(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
  });
}

std::string_view label_of(Status status) {
  switch (status) {
    case Status::kLoaded:
      return "loaded";
    case Status::kFitted:
      return "fitted";
    case Status::kMissing:
      return "missing";
    case Status::kUnexpected:
      return "unexpected";
    case Status::kShapeMismatch:
      return "of another shape";
  }
  return "";
}

bool is_good(const Line& line) {
  return line.status == Status::kLoaded || line.status == Status::kFitted;
}

[[noreturn]] void fail_load(const TensorFile& file, const LoadReport& report) {
  constexpr std::size_t kMost = 8;  // lines of a kind
  std::string text;
  std::vector<std::string> counts;
  bool head_differs = false, others_differ = false;
  for (const Status status : {Status::kMissing, Status::kUnexpected, Status::kShapeMismatch}) {
    std::size_t count = 0;
    for (const Line& line : report.lines) {
      if (line.status != status) continue;
      if (++count <= kMost) {
        text += fmt::format("\n  {} {}", label_of(status), LoadReport::to_string(line));
      }
      if (status != Status::kShapeMismatch) continue;
      (line.name.starts_with("head.") ? head_differs : others_differ) = true;
    }
    if (count > kMost) text += fmt::format("\n  and {} more {}", count - kMost, label_of(status));
    if (count > 0) counts.push_back(fmt::format("{} {}", count, label_of(status)));
  }
  if (head_differs && !others_differ)
    text += "\n  another number of classes: allow_missing head.* starts a new head";
  fail<CheckpointError>("[load_weights] {} ({} names) does not fit the model: {}{}", file.path,
                        name_of(report.naming), fmt::join(counts, ", "), text);
}

/// What pre-training leaves in a file and no classifier has, or needs and finds in none: the token
/// of SimMIM.
bool is_of_pretraining(std::string_view name) { return name == "mask_token"; }

/// `norm.bias`, `norm2.weight`: behind stages.
bool is_stage_norm(std::string_view name) { return name.starts_with("norm"); }

bool starts_anew(std::string_view name, LoadOptions::Anew anew) {
  if (anew == LoadOptions::Anew::kNothing) return false;
  return is_head(name) || (anew == LoadOptions::Anew::kHeadAndNorms && is_stage_norm(name));
}

/// What has become of the parts that start anew.
std::string anew_text(std::span<const Line> lines) {
  std::size_t anew = 0, left_out = 0;
  bool norms = false;
  for (const Line& line : lines) {
    if (!line.apart) continue;
    ++(line.status == Status::kUnexpected ? left_out : anew);
    norms = norms || is_stage_norm(line.name);
  }
  if (anew + left_out == 0) return "";
  return fmt::format("the head{} ({} tensors); {} of the file, of another task, {} left out ({})",
                     norms ? " and the norms behind stages start anew" : " starts anew", anew,
                     norms ? "those" : "that", norms ? "are" : "is", left_out);
}

/// Which values go where.
struct Copy {
  Tensor parameter;
  Tensor values;
};

/// The line of a parameter that the file has as `stored`; its values go to `copies` if they fit.
Line match(const NamedTensor& parameter, const StoredTensor& stored, const TensorFile& file,
           const LoadOptions& options, const SourceGeometry& source, std::vector<Copy>& copies) {
  const Shape& shape = parameter.tensor.shape();
  Line line{Status::kShapeMismatch, parameter.name, shape_text(stored.shape), to_string(shape)};
  if (line.file_shape == line.shape) {
    line.status = Status::kLoaded;
    copies.push_back({parameter.tensor, to_f32(stored, file.path)});
  } else if (options.fit != nullptr) {
    const auto fitted =
        fit_tensor(parameter.name, to_f32(stored, file.path), shape, *options.fit, source);
    if (fitted) {
      line.status = Status::kFitted;
      line.how = fitted->how;
      copies.push_back({parameter.tensor, fitted->values});
    }
  }
  return line;
}

}  // namespace

std::size_t LoadReport::count(Status status) const {
  return static_cast<std::size_t>(std::count_if(
      lines.begin(), lines.end(), [status](const Line& line) { return line.status == status; }));
}

std::string LoadReport::to_string(const Line& line) {
  const std::string name = shown(line.name);
  switch (line.status) {
    case Status::kLoaded:
      return fmt::format("{}: {}", name, line.shape);
    case Status::kFitted:
      return fmt::format("{}: {}", name, line.how);
    case Status::kMissing:
      return fmt::format("{}: not in the file, model {}", name, line.shape);
    case Status::kUnexpected:
      return fmt::format("{}: file {}, not in the model", name, line.file_shape);
    case Status::kShapeMismatch:
      return fmt::format("{}: file {}, model {}", name, line.file_shape, line.shape);
  }
  return name;
}

std::vector<std::string> LoadReport::summary() const {
  std::vector<std::string> texts;
  std::size_t parameters = 0;
  for (const Line& line : lines) {
    if (line.status != Status::kUnexpected) ++parameters;
    if (line.apart || line.status == Status::kLoaded) continue;
    const char* end = is_good(line)                        ? ""
                      : line.status == Status::kUnexpected ? "; left out"
                                                           : "; keeps its initial value";
    texts.push_back(to_string(line) + end);
  }
  if (std::string text = anew_text(lines); !text.empty()) texts.push_back(std::move(text));
  texts.push_back(fmt::format(
      "{} of {} parameters loaded ({} names{})", count(Status::kLoaded) + count(Status::kFitted),
      parameters, name_of(naming), prefix.empty() ? "" : fmt::format(" after {}", shown(prefix))));
  if (!beside.empty()) {
    texts.push_back(fmt::format("beside them {} left out: {}{}", beside.size(),
                                shown(beside.front()), beside.size() > 1 ? ", ..." : ""));
  }
  return texts;
}

LoadReport load_weights(const TensorFile& file, std::span<const NamedTensor> parameters,
                        const LoadOptions& options) {
  const Translation translation = translate(file, options.prefix);
  LoadReport report{.naming = translation.scheme.naming,
                    .prefix = translation.prefix,
                    .beside = translation.beside,
                    .lines = {}};
  std::map<std::string, const Translation::Entry*> entries;
  for (const auto& entry : translation.parameters) entries.emplace(entry.tensor.name, &entry);

  const SourceGeometry source = options.fit != nullptr
                                    ? source_geometry(file, translation, options.source)
                                    : SourceGeometry{};
  std::vector<Copy> copies;
  for (const NamedTensor& parameter : parameters) {
    const bool apart = starts_anew(parameter.name, options.anew);
    const auto found = apart ? entries.end() : entries.find(parameter.name);
    if (found == entries.end() && !apart && translation.scheme.naming == Naming::kTorchvision &&
        is_one_in_torchvision(parameter.name)) {
      const Shape& shape = parameter.tensor.shape();
      report.lines.push_back({Status::kLoaded, parameter.name, to_string(shape), to_string(shape)});
      copies.push_back({parameter.tensor, Tensor::full(shape, 1.0f)});
    } else if (found == entries.end()) {
      report.lines.push_back(
          {Status::kMissing, parameter.name, "", to_string(parameter.tensor.shape())});
    } else {
      report.lines.push_back(
          match(parameter, found->second->tensor, file, options, source, copies));
      entries.erase(found);
    }
    report.lines.back().apart = apart;
    report.lines.back().allowed = apart || is_of_pretraining(parameter.name) ||
                                  matches_any(options.allow_missing, parameter.name);
  }
  for (const StoredTensor& stored : translation.other) {
    report.lines.push_back({Status::kUnexpected, stored.name, shape_text(stored.shape), ""});
    report.lines.back().allowed = matches_any(options.allow_missing, stored.name);
  }
  for (const auto& [name, entry] : entries) {
    report.lines.push_back(
        {Status::kUnexpected, entry->stored_name, shape_text(entry->tensor.shape), ""});
    report.lines.back().apart = starts_anew(name, options.anew);
    report.lines.back().allowed = report.lines.back().apart || is_of_pretraining(name) ||
                                  matches_any(options.allow_missing, name);
  }

  const bool agrees = std::all_of(report.lines.begin(), report.lines.end(),
                                  [](const Line& line) { return is_good(line) || line.allowed; });
  if (!agrees || copies.empty()) fail_load(file, report);
  for (const Copy& copy : copies) copy.parameter.copy_from(copy.values);
  return report;
}

void restore_tensors(const TensorFile& file, std::span<const NamedTensor> tensors) {
  for (const NamedTensor& named : tensors) {
    const StoredTensor& stored = file.at(named.name);
    const StoredTensor wanted = view_of(named.name, named.tensor);
    if (stored.shape != wanted.shape || stored.type != wanted.type) {
      fail<CheckpointError>("[restore] {}: tensor {} is {} {}, expected {} {}", file.path,
                            quoted(named.name), name_of(stored.type), shape_text(stored.shape),
                            name_of(wanted.type), shape_text(wanted.shape));
    }
  }
  for (const NamedTensor& named : tensors) {
    const StoredTensor& stored = file.at(named.name);
    std::copy(stored.bytes.begin(), stored.bytes.end(),
              static_cast<std::byte*>(named.tensor.raw()));
  }
}

std::vector<NamedTensor> named_values(const ParameterStore& store) {
  std::vector<NamedTensor> tensors;
  for (const auto& entry : store.entries()) tensors.push_back({entry.name, entry.parameter->value});
  for (const auto& entry : store.buffers()) tensors.push_back({entry.name, entry.buffer->value});
  return tensors;
}

std::vector<NamedTensor> named_gradients(const ParameterStore& store) {
  std::vector<NamedTensor> tensors;
  for (const auto& entry : store.entries()) tensors.push_back({entry.name, entry.parameter->grad});
  return tensors;
}

}  // namespace tessera
