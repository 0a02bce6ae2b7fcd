#include "train/checkpoint.h"

#include <set>
#include <string_view>
#include <system_error>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/posix.h"
#include "formats/read_weights.h"
#include "formats/shards.h"
#include "formats/weights/naming.h"
#include "formats/weights/quantized_file.h"
#include "train/averaged_weights.h"
#include "train/log.h"

namespace tessera {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kTemporary = ".tmp-";
constexpr const char* kModelFile = "model.safetensors";
constexpr const char* kStateFile = "state.safetensors";

void remove_leftovers(const fs::path& folder) {
  for (const std::string& name : names_in(folder)) {
    if (name.starts_with(kTemporary)) remove_path(folder / name);
  }
  sweep_temporary_files(folder);
}

/// Removes what the index, which is written, does not name: other checkpoints, and what version 0.1
/// had in its place.
void remove_old(const fs::path& folder, const CheckpointIndex& index) {
  for (const std::string& name : names_in(folder)) {
    const bool ours = is_step_name(name) || name == to_string(CheckpointChoice::kLast) ||
                      name == to_string(CheckpointChoice::kBest);
    if (ours && name != index.last && name != index.best) remove_path(folder / name);
  }
}

/// The first of `step-N`, `step-N.2`, ... that is no checkpoint of the run: after a resume, or when
/// a signal asked for one before, the step may have been saved already.
std::string free_name(std::int64_t step, const CheckpointIndex& index) {
  std::string name = step_name(step);
  for (int i = 2; name == index.last || name == index.best; ++i) {
    name = fmt::format("{}.{}", step_name(step), i);
  }
  return name;
}

void write_step(const fs::path& folder, const std::string& name, const CheckpointData& data) {
  const fs::path temporary = folder / fmt::format("{}{}", kTemporary, name);
  make_folder(temporary);
  CheckpointMeta meta = data.meta;
  meta.checksums[kModelFile] = checksum_text(write_safetensors(
      temporary / kModelFile, data.model,
      {{"naming", std::string(name_of(Naming::kTessera))}, {"config", data.meta.config}}));
  meta.checksums[kStateFile] = checksum_text(write_safetensors(temporary / kStateFile, data.state));
  write_atomically(temporary / kMetaFile, encode_meta(meta));
  sync_folder(temporary);
  remove_path(folder / name);  // left by a crash before the index named it
  rename_path(temporary, folder / name);
  sync_folder(folder);
}

/// What a save that failed has written goes, so that a full disk has room again.
void undo_step(const fs::path& folder, const std::string& name) {
  try {
    remove_path(folder / fmt::format("{}{}", kTemporary, name));
    const std::optional<CheckpointIndex> index = read_index(folder);
    const bool named_already = index && (index->last == name || index->best == name);
    if (!named_already) remove_path(folder / name);
  } catch (const CheckpointError&) {
    // The failure itself is what is reported; the next save removes what is left.
  }
}

/// What `last` or `best` means in a folder of checkpoints.
std::optional<fs::path> named(const fs::path& folder, CheckpointChoice choice,
                              std::vector<std::string>& notes) {
  const std::optional<CheckpointIndex> index = read_index(folder);
  if (!index) return std::nullopt;
  const fs::path found = folder / index->at(choice);
  if (!is_there(found / kMetaFile)) {
    fail<CheckpointError>(
        "[checkpoint] {}: names {:?}, which is not there: was the folder copied whole?",
        (folder / kIndexFile).string(), index->at(choice));
  }
  if (!index->note.empty()) notes.push_back(index->note);
  return fs::canonical(found);
}

bool is_spoken_of(const fs::path& path) {
  const std::string name = path.filename().string();
  return (name == to_string(CheckpointChoice::kLast) ||
          name == to_string(CheckpointChoice::kBest)) &&
         !is_there(path);
}

/// `checkpoints/last` or `checkpoints/best`, which are no folders.
std::optional<fs::path> spoken_of(const fs::path& path, std::vector<std::string>& notes) {
  for (const auto choice : {CheckpointChoice::kLast, CheckpointChoice::kBest}) {
    if (path.filename() == to_string(choice)) {
      return named(path.has_parent_path() ? path.parent_path() : ".", choice, notes);
    }
  }
  return std::nullopt;
}

/// The folder or file that `path` means.
fs::path locate(const fs::path& path, CheckpointChoice choice, std::vector<std::string>& notes) {
  notes.clear();
  if (!is_there(path)) {
    if (const auto found = spoken_of(path, notes)) return *found;
    fail<CheckpointError>("[checkpoint] {}: does not exist", path.string());
  }
  if (!fs::is_directory(path) || is_there(path / kMetaFile)) return fs::canonical(path);
  for (const fs::path& folder : {path / "checkpoints", path}) {
    if (const auto found = named(folder, choice, notes)) return *found;
  }
  fail<CheckpointError>(
      "[checkpoint] {}: no checkpoint {:?} in it; give a run, a checkpoint or a .safetensors file",
      path.string(), to_string(choice));
}

/// The tensors of `folder/name`, whose checksum `meta` knows.
TensorFile read_part(const fs::path& folder, const char* name, const CheckpointMeta& meta) {
  const fs::path path = folder / name;
  const FileBytes bytes = read_file(path);
  if (!meta.checksums.empty()) {
    const auto expected = meta.checksums.find(name);
    if (expected == meta.checksums.end() ||
        expected->second != checksum_text(checksum_of(bytes.span()))) {
      fail<CheckpointError>(
          "[checkpoint] {}: damaged, or of another checkpoint: it does not fit the checksum in {}",
          path.string(), kMetaFile);
    }
  }
  return parse_safetensors(bytes, path.string());
}

CheckpointMeta read_meta(const fs::path& folder) {
  const fs::path path = folder / kMetaFile;
  CheckpointMeta meta = decode_meta(read_text_file(path), path);
  const std::string name = folder.filename().string();
  if (is_step_name(name) && name.substr(0, name.find('.')) != step_name(meta.step)) {
    fail<CheckpointError>("[checkpoint] {}: is of step {}, its folder is called {}", path.string(),
                          meta.step, name);
  }
  return meta;
}

void add_notes(LoadedCheckpoint& loaded) {
  if (!loaded.meta.checksums.empty()) return;
  loaded.notes.push_back(
      fmt::format("{}: of version 0.1, which wrote no checksums: damage may go unseen",
                  loaded.path.parent_path().string()));
}

/// `found` is a checkpoint's folder or a bare file.
LoadedCheckpoint read_checkpoint(const fs::path& found) {
  LoadedCheckpoint loaded;
  loaded.resumable = fs::is_directory(found);
  if (!loaded.resumable) {
    loaded.path = found;
    loaded.model = read_safetensors(found);
    return loaded;
  }
  loaded.path = found / kModelFile;
  loaded.meta = read_meta(found);
  loaded.model = read_part(found, kModelFile, loaded.meta);
  loaded.state = read_part(found, kStateFile, loaded.meta);
  put_averages_first(loaded.model, loaded.state);
  add_notes(loaded);
  return loaded;
}

/// What `read` makes of the folder or file that `path` means. A run that goes on may put a newer
/// checkpoint in its place meanwhile.
template <typename Read>
LoadedCheckpoint read_located(const fs::path& path, CheckpointChoice choice, const Read& read) {
  try {
    for (;;) {
      std::vector<std::string> notes;
      const fs::path found = locate(path, choice, notes);
      try {
        LoadedCheckpoint loaded = read(found);
        loaded.notes.insert(loaded.notes.begin(), notes.begin(), notes.end());
        return loaded;
      } catch (const CheckpointError&) {
        if (locate(path, choice, notes) == found) throw;
      }
    }
  } catch (const fs::filesystem_error& error) {
    fail<CheckpointError>("[checkpoint] {}: {}", error.path1().string(), error.code().message());
  }
}

TensorFile read_model_file(const fs::path& path) {
  fs::path meant = path;
  // A checkpoint's file stands for the checkpoint, which knows its checksum.
  if (path.filename() == kModelFile &&
      (is_there(path.parent_path() / kMetaFile) || is_spoken_of(path.parent_path()))) {
    meant = path.parent_path();
  } else if (!is_spoken_of(path) &&
             (!fs::is_directory(path) || (weights_in(path) && !is_there(path / kMetaFile)))) {
    return read_weights(path);
  }
  LoadedCheckpoint loaded = read_located(meant, CheckpointChoice::kBest, read_checkpoint);
  for (const std::string& note : loaded.notes) notice("{}", note);
  return std::move(loaded.model);
}

}  // namespace

void save_checkpoint(const fs::path& folder, const CheckpointData& data, bool is_best) {
  make_folder(folder);
  remove_leftovers(folder);
  CheckpointIndex index = read_index(folder).value_or(CheckpointIndex{});
  const std::string name = free_name(data.meta.step, index);
  try {
    write_step(folder, name, data);
    index.last = name;
    if (is_best) index.best = name;
    write_index(folder, index);
  } catch (...) {
    undo_step(folder, name);
    throw;
  }
  remove_old(folder, index);
}

LoadedCheckpoint load_checkpoint(const fs::path& path, CheckpointChoice choice) {
  return read_located(path, choice, read_checkpoint);
}

CheckpointMeta read_checkpoint_meta(const fs::path& path, CheckpointChoice choice) {
  const auto read = [](const fs::path& found) {
    LoadedCheckpoint loaded;
    loaded.meta = read_meta(found);
    return loaded;
  };
  return read_located(path, choice, read).meta;
}

TensorFile load_model_file(const fs::path& path, Quantization* codes) {
  TensorFile file = read_model_file(path);
  Quantization found = take_quantization(file);
  if (codes != nullptr) *codes = std::move(found);
  return file;
}

std::optional<CheckpointMeta> read_last_meta(const fs::path& run) {
  const fs::path folder = run / "checkpoints";
  const std::optional<CheckpointIndex> index = read_index(folder);
  if (!index) return std::nullopt;
  return read_meta(folder / index->last);
}

}  // namespace tessera
