// Photos read and decoded ahead by worker threads, handed out in the order in which they were
// given.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/tensor.h"
#include "data/images/image.h"
#include "data/photos/photo_inputs.h"

namespace tessera {

struct Photo {
  PhotoFile file;
  Image image;          ///< unless what prepares it has moved it away
  Tensor input;         ///< [1, H, W, C]: what a network sees of it
  std::string problem;  ///< why it could not be read; empty otherwise
};

struct PhotoStreamOptions {
  std::int64_t channels = 3;
  ImageSize at_least{};    ///< see decode_image
  int workers = 1;         ///< threads, at least 1
  std::size_t ahead = 64;  ///< photos that may wait to be handed out
};

class PhotoStream {
 public:
  /// `prepare` is called in the worker threads for each photo that could be read, to set `input`.
  /// What it throws is thrown by `next`, but a DataError becomes the photo's problem. `inputs` must
  /// outlive the stream. Throws DataError if no thread can be started.
  PhotoStream(PhotoInputs& inputs, const PhotoStreamOptions& options,
              std::function<void(Photo&)> prepare);
  ~PhotoStream();
  PhotoStream(const PhotoStream&) = delete;
  PhotoStream& operator=(const PhotoStream&) = delete;

  /// The next `most` photos; fewer at the end, and where whoever names them by standard input lets
  /// one wait; none after the last. `most` must not be more than `ahead`.
  std::vector<Photo> next(std::size_t most);

  /// Of photos in all; -1 as long as it is not known.
  std::int64_t total() const;

  /// What was left out since the last call.
  std::vector<std::string> take_notes();

 private:
  struct Slot {
    Photo photo;
    bool ready = false;
  };

  void work(const std::stop_token& stop);
  bool claim(const std::stop_token& stop, std::size_t& number, PhotoFile& file);
  PhotoInputs::State poll(PhotoFile& file);
  Photo decode(PhotoFile file) const;
  bool is_worth_taking(std::size_t most) const;

  PhotoInputs& inputs_;
  PhotoStreamOptions options_;
  std::function<void(Photo&)> prepare_;

  std::mutex claim_mutex_;  ///< of the worker that is asking for the next photo

  mutable std::mutex mutex_;  ///< guards everything below, and `inputs_`
  std::condition_variable_any room_;
  std::condition_variable ready_;
  std::deque<Slot> slots_;   ///< from photo number `taken_` on
  std::size_t taken_ = 0;    ///< handed out
  bool ended_ = false;       ///< there are no more than those in slots_
  bool is_starved_ = false;  ///< standard input has named none for now
  std::exception_ptr error_;
  std::vector<std::jthread> workers_;  ///< last: stopped and joined before what they use goes
};

}  // namespace tessera
