#include "train/weights/load_weights.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "core/error.h"

namespace tessera {
namespace {

using Status = LoadReport::Status;

/// Names after `prefix` in the file, of tensors that have it.
std::vector<std::string> names_after(const TensorFile& file, std::string_view prefix) {
  std::vector<std::string> names;
  for (const StoredTensor& stored : file.tensors) {
    if (stored.name.starts_with(prefix)) names.push_back(stored.name.substr(prefix.size()));
  }
  return names;
}

void recognise(const TensorFile& file, const LoadOptions& options, LoadReport& report) {
  std::vector<std::string> prefixes{"", "param/", "model.", "module.", "state_dict."};
  if (options.prefix) prefixes = {*options.prefix};
  if (const auto declared = file.metadata.find("naming"); declared != file.metadata.end()) {
    if (const auto naming = naming_of(declared->second)) {
      report.naming = *naming;
      report.prefix = options.prefix.value_or("");
      return;
    }
  }
  for (const std::string& prefix : prefixes) {
    if (const auto naming = recognise_naming(names_after(file, prefix))) {
      report.naming = *naming;
      report.prefix = prefix;
      return;
    }
  }
  fail<CheckpointError>(
      "[load_weights] {}: names are not those of a Swin Transformer (tessera, torchvision, timm or "
      "official){}",
      file.path,
      file.tensors.empty() ? std::string() : fmt::format(": {:?}", file.tensors.front().name));
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

/// The file's parameters by Tessera's names; what has none becomes a line of the report.
std::map<std::string, const StoredTensor*> stored_by_name(const TensorFile& file,
                                                          LoadReport& report) {
  std::map<std::string, const StoredTensor*> stored_of;
  for (const StoredTensor& stored : file.tensors) {
    if (!stored.name.starts_with(report.prefix) || is_buffer(stored.name)) continue;
    const auto name =
        to_tessera(std::string_view(stored.name).substr(report.prefix.size()), report.naming);
    if (!name || !stored_of.emplace(*name, &stored).second) {
      report.lines.push_back({Status::kUnexpected, stored.name, shape_text(stored.shape), ""});
    }
  }
  return stored_of;
}

void check_strict(const TensorFile& file, const LoadReport& report) {
  std::string text;
  std::vector<std::string> counts;
  for (const auto& [status, label] :
       {std::pair{Status::kMissing, "missing"}, std::pair{Status::kUnexpected, "unexpected"},
        std::pair{Status::kShapeMismatch, "of another shape"}}) {
    for (const LoadReport::Line& line : report.lines) {
      if (line.status == status)
        text += fmt::format("\n  {} {}", label, LoadReport::to_string(line));
    }
    if (const std::size_t count = report.count(status); count > 0) {
      counts.push_back(fmt::format("{} {}", count, label));
    }
  }
  if (!counts.empty()) {
    fail<CheckpointError>("[load_weights] {} ({} names) does not fit the model: {}{}", file.path,
                          name_of(report.naming), fmt::join(counts, ", "), text);
  }
}

}  // namespace

std::size_t LoadReport::count(Status status) const {
  return static_cast<std::size_t>(std::count_if(
      lines.begin(), lines.end(), [status](const Line& line) { return line.status == status; }));
}

std::string LoadReport::to_string(const Line& line) {
  switch (line.status) {
    case Status::kLoaded:
      return fmt::format("{}: {}", line.name, line.shape);
    case Status::kMissing:
      return fmt::format("{}: not in the file, model {}", line.name, line.shape);
    case Status::kUnexpected:
      return fmt::format("{}: file {}, not in the model", line.name, line.file_shape);
    case Status::kShapeMismatch:
      return fmt::format("{}: file {}, model {}", line.name, line.file_shape, line.shape);
  }
  return line.name;
}

LoadReport load_weights(const TensorFile& file, std::span<const NamedTensor> parameters,
                        const LoadOptions& options) {
  LoadReport report;
  recognise(file, options, report);
  auto stored_of = stored_by_name(file, report);

  std::vector<LoadReport::Line> lines;
  std::vector<std::pair<Tensor, Tensor>> copies;
  for (const NamedTensor& parameter : parameters) {
    const std::string shape = to_string(parameter.tensor.shape());
    const auto found = stored_of.find(parameter.name);
    if (found == stored_of.end()) {
      lines.push_back({Status::kMissing, parameter.name, "", shape});
      continue;
    }
    const std::string file_shape = shape_text(found->second->shape);
    const bool fits = file_shape == shape;
    lines.push_back(
        {fits ? Status::kLoaded : Status::kShapeMismatch, parameter.name, file_shape, shape});
    if (fits) copies.emplace_back(parameter.tensor, to_f32(*found->second, file.path));
    stored_of.erase(found);
  }
  lines.insert(lines.end(), report.lines.begin(), report.lines.end());
  for (const auto& [name, stored] : stored_of) {
    lines.push_back({Status::kUnexpected, stored->name, shape_text(stored->shape), ""});
  }
  report.lines = std::move(lines);

  if (options.strict || copies.empty()) check_strict(file, report);
  for (const auto& [parameter, values] : copies) parameter.copy_from(values);
  return report;
}

void restore_tensors(const TensorFile& file, std::span<const NamedTensor> tensors) {
  for (const NamedTensor& named : tensors) {
    const StoredTensor& stored = file.at(named.name);
    const StoredTensor wanted = view_of(named.name, named.tensor);
    if (stored.shape != wanted.shape || stored.type != wanted.type) {
      fail<CheckpointError>("[restore] {}: tensor {:?} is {} {}, expected {} {}", file.path,
                            named.name, name_of(stored.type), shape_text(stored.shape),
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
  return tensors;
}

std::vector<NamedTensor> named_gradients(const ParameterStore& store) {
  std::vector<NamedTensor> tensors;
  for (const auto& entry : store.entries()) tensors.push_back({entry.name, entry.parameter->grad});
  return tensors;
}

std::vector<NamedTensor> rename_tensors(std::span<const NamedTensor> tensors, Naming naming,
                                        std::string_view prefix) {
  std::vector<NamedTensor> renamed;
  for (const NamedTensor& named : tensors) {
    const auto name = from_tessera(named.name, naming);
    if (!name) {
      fail<CheckpointError>("[weights] {:?} has no name among those of {}", named.name,
                            name_of(naming));
    }
    renamed.push_back({fmt::format("{}{}", prefix, *name), named.tensor});
  }
  return renamed;
}

}  // namespace tessera
