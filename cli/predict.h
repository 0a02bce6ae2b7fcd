// What `tessera predict` does for every task, and what each task makes of its model's outputs.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "data/photos/photo_stream.h"
#include "formats/json.h"
#include "train/train_config.h"

namespace tessera {

struct PredictOptions {
  std::string path;                 ///< of the run or checkpoint
  std::vector<std::string> photos;  ///< see PhotoInputs
  std::vector<std::string> lists;
  std::string format = "table";  ///< or csv, jsonl, json
  int top = 0;                   ///< 0: as many as suit the format
  double threshold = -1.0;       ///< answers below this probability are not given; -1: not set
  std::string copy_to;           ///< folder; empty: none
  std::string out;               ///< folder of masks, or of boxes; empty: none
  std::string ids;               ///< COCO file whose ids boxes are written under; empty: none
  bool one_photo = false;        ///< there is one file to look at, and a person who looks
};

/// Writes to standard output what a model says of photos, one after the other in the order in which
/// they were given. A task adds a class of this kind, and its line to `make_predictions`.
class Predictions {
 public:
  virtual ~Predictions() = default;

  /// Whether `write` wants the photo's own pixels: then it is decoded whole, and kept.
  virtual bool needs_pixels() const { return false; }

  /// `outputs`: what the model's head puts out for this photo alone, [1, ...] each, f32.
  virtual void write(const Photo& photo, std::span<const Tensor> outputs) = 0;

  /// A photo that could not be read: what its format has for that. Standard error is told already.
  virtual void write_problem(const Photo& photo) = 0;

  virtual void finish() {}
};

std::unique_ptr<Predictions> make_class_predictions(const Config& config,
                                                    const PredictOptions& options);

/// Masks as pictures in `options.out`, and what share of a photo has each class. Throws ConfigError
/// without that folder, DataError if nothing can be written there.
std::unique_ptr<Predictions> make_mask_predictions(const Config& config,
                                                   const PredictOptions& options);

/// Boxes with their classes and scores; in `options.out`, if it is given, the photos with the boxes
/// drawn and two files in COCO's format. Throws ConfigError for what is meant for classes,
/// DataError if nothing can be written there or `options.ids` does not fit.
std::unique_ptr<Predictions> make_box_predictions(const Config& config,
                                                  const PredictOptions& options);

/// Photos as the model takes them, beside what it saw of them and what it filled in, as pictures in
/// `options.out`. Throws ConfigError without that folder, DataError if nothing can be written
/// there.
std::unique_ptr<Predictions> make_filled_predictions(const Config& config,
                                                     const PredictOptions& options);

/// JSON objects on standard output: one a line, or as one array.
class JsonRecords {
 public:
  explicit JsonRecords(bool as_lines) : as_lines_(as_lines) {}

  void write(const Json& record);
  void finish() const;

 private:
  bool as_lines_;
  bool is_first_ = true;
};

/// The folder that `--out` names: PNGs under the names of photos.
class PictureFolder {
 public:
  /// Makes it. Throws DataError.
  explicit PictureFolder(std::filesystem::path root);

  const std::filesystem::path& root() const { return root_; }

  /// `a/b.jpg` becomes `a/b.png`, or `a/b-2.png` where another photo has that already; what would
  /// lead out of the folder is left out.
  std::filesystem::path name_of(const PhotoFile& photo);

  /// Below the folder. Gives the path. Throws DataError.
  std::string save(const std::filesystem::path& name, const Image& image) const;

 private:
  std::filesystem::path root_;
  std::set<std::filesystem::path> names_;
};

/// A folder with a folder for each class, into which photos are copied.
class ClassFolders {
 public:
  explicit ClassFolders(std::string root) : root_(std::move(root)) {}

  /// Under its own name, or with a number where another photo has that; what is there already with
  /// the same bytes stays. Throws DataError.
  void copy(const PhotoFile& photo, const std::string& class_name) const;

 private:
  std::string root_;
};

}  // namespace tessera
