#include "train/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>

#include "core/atomic_file.h"
#include "core/error.h"
#include "formats/json.h"
#include "formats/weights/naming.h"

namespace tessera {
namespace fs = std::filesystem;
namespace {

constexpr int kFormatVersion = 1;
constexpr std::string_view kTemporary = ".tmp-";
constexpr const char* kModelFile = "model.safetensors";
constexpr const char* kStateFile = "state.safetensors";
constexpr const char* kMetaFile = "meta.json";

std::string_view name_of(CheckpointChoice choice) {
  return choice == CheckpointChoice::kLast ? "last" : "best";
}

/// JSON has no NaN: a metric that is not finite is written as null.
Json to_json(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

std::optional<double> to_metric(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional(json.get<double>());
}

std::string encode_meta(const CheckpointMeta& meta) {
  const Json json{{"format_version", kFormatVersion},
                  {"step", meta.step},
                  {"epoch", meta.epoch},
                  {"batch_in_epoch", meta.batch_in_epoch},
                  {"ended", meta.ended},
                  {"metric", to_json(meta.metric)},
                  {"best_metric", to_json(meta.best_metric)},
                  {"config", meta.config}};
  return json_text(json, 2) + "\n";
}

CheckpointMeta read_meta(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) fail<CheckpointError>("[checkpoint] {}: cannot be opened", path.string());
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  try {
    const Json json = parse_json(text);
    const int version = json.at("format_version").get<int>();
    if (version != kFormatVersion) {
      fail<CheckpointError>("[checkpoint] {}: format version {}, this program reads {}",
                            path.string(), version, kFormatVersion);
    }
    CheckpointMeta meta;
    json.at("step").get_to(meta.step);
    json.at("epoch").get_to(meta.epoch);
    json.at("batch_in_epoch").get_to(meta.batch_in_epoch);
    meta.ended = json.value("ended", false);
    meta.metric = to_metric(json.at("metric"));
    meta.best_metric = to_metric(json.at("best_metric"));
    json.at("config").get_to(meta.config);
    return meta;
  } catch (const Json::exception& error) {
    fail<CheckpointError>("[checkpoint] {}: {}", path.string(), error.what());
  }
}

bool is_step_folder(const std::string& name) {
  constexpr std::string_view kStep = "step-";
  return name.starts_with(kStep) && name.size() > kStep.size() &&
         name.find_first_not_of("0123456789", kStep.size()) == std::string::npos;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

void remove_leftovers(const fs::path& folder) {
  for (const std::string& name : names_in(folder)) {
    if (name.starts_with(kTemporary)) fs::remove_all(folder / name);
  }
}

/// Removes the checkpoints that no link refers to.
void remove_old(const fs::path& folder) {
  std::set<std::string> kept;
  for (const auto choice : {CheckpointChoice::kLast, CheckpointChoice::kBest}) {
    const fs::path link = folder / name_of(choice);
    if (fs::is_symlink(link)) kept.insert(fs::read_symlink(link).filename().string());
  }
  for (const std::string& name : names_in(folder)) {
    if (is_step_folder(name) && !kept.contains(name)) fs::remove_all(folder / name);
  }
}

void write_step(const fs::path& folder, const std::string& name, const CheckpointData& data) {
  const fs::path temporary = folder / fmt::format("{}{}", kTemporary, name);
  fs::create_directory(temporary);
  write_safetensors(
      temporary / kModelFile, data.model,
      {{"naming", std::string(name_of(Naming::kTessera))}, {"config", data.meta.config}});
  write_safetensors(temporary / kStateFile, data.state);
  AtomicFile meta(temporary / kMetaFile);
  meta.write(encode_meta(data.meta));
  meta.commit();
  sync_folder(temporary);
  // After a resume, or when a signal asked for one before, the step may have been saved already.
  if (fs::exists(folder / name)) {
    exchange_paths(temporary, folder / name);
  } else {
    rename_path(temporary, folder / name);
  }
  sync_folder(folder);
}

void link_step(const fs::path& folder, const std::string& name, CheckpointChoice choice) {
  replace_symlink(name, folder / name_of(choice),
                  folder / fmt::format("{}{}", kTemporary, name_of(choice)));
}

/// The folder or file that `path` means, with links followed so that a later save cannot swap it.
fs::path locate(const fs::path& path, CheckpointChoice choice) {
  if (!fs::exists(path)) fail<CheckpointError>("[checkpoint] {}: does not exist", path.string());
  if (!fs::is_directory(path) || fs::exists(path / kMetaFile)) return fs::canonical(path);
  std::vector<CheckpointChoice> choices = {choice};
  if (choice == CheckpointChoice::kBest) choices.push_back(CheckpointChoice::kLast);
  for (const CheckpointChoice wanted : choices) {
    for (const fs::path& link : {path / "checkpoints" / name_of(wanted), path / name_of(wanted)}) {
      if (fs::exists(link / kMetaFile)) return fs::canonical(link);
    }
  }
  fail<CheckpointError>(
      "[checkpoint] {}: no checkpoint {:?} in it; give a run, a checkpoint or a .safetensors file",
      path.string(), name_of(choice));
}

/// `found` is a checkpoint's folder or a bare file.
LoadedCheckpoint read_checkpoint(const fs::path& found) {
  LoadedCheckpoint loaded;
  loaded.resumable = fs::is_directory(found);
  loaded.path = loaded.resumable ? found / kModelFile : found;
  loaded.model = read_safetensors(loaded.path);
  if (loaded.resumable) {
    loaded.state = read_safetensors(found / kStateFile);
    loaded.meta = read_meta(found / kMetaFile);
  }
  return loaded;
}

}  // namespace

void save_checkpoint(const fs::path& folder, const CheckpointData& data, bool is_best) {
  const std::string name = fmt::format("step-{}", data.meta.step);
  try {
    fs::create_directories(folder);
    remove_leftovers(folder);
    try {
      write_step(folder, name, data);
    } catch (...) {
      std::error_code ignored;
      fs::remove_all(folder / fmt::format("{}{}", kTemporary, name), ignored);
      throw;
    }
    link_step(folder, name, CheckpointChoice::kLast);
    if (is_best) link_step(folder, name, CheckpointChoice::kBest);
    sync_folder(folder);
    remove_leftovers(folder);
    remove_old(folder);
  } catch (const fs::filesystem_error& error) {
    fail<CheckpointError>("[checkpoint] {}: {}", error.path1().string(), error.code().message());
  }
}

LoadedCheckpoint load_checkpoint(const fs::path& path, CheckpointChoice choice) {
  try {
    for (;;) {
      const fs::path found = locate(path, choice);
      try {
        return read_checkpoint(found);
      } catch (const CheckpointError&) {
        // A run that goes on may have put a newer one in its place while it was read.
        if (locate(path, choice) == found) throw;
      }
    }
  } catch (const fs::filesystem_error& error) {
    fail<CheckpointError>("[checkpoint] {}: {}", error.path1().string(), error.code().message());
  }
}

std::optional<CheckpointMeta> read_last_meta(const fs::path& run) {
  const fs::path meta = run / "checkpoints" / name_of(CheckpointChoice::kLast) / kMetaFile;
  std::error_code error;
  if (!fs::exists(meta, error)) return std::nullopt;
  return read_meta(meta);
}

}  // namespace tessera
