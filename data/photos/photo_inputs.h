// The photos that a command is given: files, folders, archives, patterns, lists, standard input.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "files/file_source.h"

namespace tessera {

/// One photo that somebody named, not yet read.
struct PhotoFile {
  std::string name;                         ///< for messages and results; of a file its path
  std::shared_ptr<const FileSource> files;  ///< the archive that it lies in; none: `name` is a file
  std::string path;                         ///< below `files`
  std::shared_ptr<const std::vector<std::uint8_t>> bytes;  ///< what came by standard input
  std::string problem;  ///< why there is nothing to read; empty otherwise

  /// Throws DataError.
  std::vector<std::uint8_t> read() const;
};

/// The lines of a list, or what zero bytes end if the first of both is one, as `find -print0`
/// writes. What comes after the last end waits for more.
class NameLines {
 public:
  /// Appends the names that are complete now to `names`; empty lines are none.
  void add(std::string_view text, std::vector<std::string>& names);

  /// The rest, if it is not empty.
  void finish(std::vector<std::string>& names);

  std::size_t waiting() const { return rest_.size(); }

 private:
  std::string rest_;
  char end_ = '\0';
  bool knows_end_ = false;
};

/// In the order in which they are given; in a folder or archive sorted, in any depth, those with
/// the name of an image. One thread at a time.
class PhotoInputs {
 public:
  /// `given`: files of any name; folders; tar archives; patterns such as `*.jpg` that no shell has
  /// replaced; `-`: names by standard input, or one image. `lists`: files with a name a line, from
  /// here or from beside the list; `-` as above. What cannot be found or read becomes a photo with
  /// a problem.
  PhotoInputs(const std::vector<std::string>& given, const std::vector<std::string>& lists);

  enum class State : std::uint8_t { kPhoto, kWait, kEnd };

  /// The next photo, if there is one by now; waits for none.
  State next(PhotoFile& photo);

  /// Returns when there may be more, at the latest after so many milliseconds.
  static void wait(int milliseconds);

  /// Of photos in all; -1 as long as standard input may name more.
  std::int64_t total() const { return reads_input_ ? -1 : taken_ + waiting(); }

  /// What was left out of folders and archives since the last call.
  std::vector<std::string> take_notes();

 private:
  std::int64_t waiting() const { return static_cast<std::int64_t>(photos_.size()); }
  void add(const std::string& given, const std::string& beside = "");
  void add_files(const std::shared_ptr<const FileSource>& files, const std::string& name,
                 bool is_archive);
  void add_pattern(const std::string& pattern);
  void add_list(const std::string& path);
  void add_problem(const std::string& name, const std::string& problem);
  void read_input();
  void take_image();

  std::deque<PhotoFile> photos_;
  std::vector<std::string> notes_;
  std::int64_t taken_ = 0;
  bool reads_input_ = false;
  NameLines input_lines_;
  std::string input_start_;  ///< until it is known whether it is an image
  bool knows_input_ = false;
  std::shared_ptr<std::vector<std::uint8_t>> image_;  ///< of standard input, as far as it came
};

}  // namespace tessera
