#include "data/photos/photo_stream.h"

#include <sys/resource.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "core/error.h"

namespace tessera {

PhotoStream::PhotoStream(PhotoInputs& inputs, const PhotoStreamOptions& options,
                         std::function<void(Photo&)> prepare)
    : inputs_(inputs), options_(options), prepare_(std::move(prepare)) {
  for (int i = 0; i < std::max(options_.workers, 1); ++i) {
    try {
      workers_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    } catch (const std::system_error& error) {
      if (!workers_.empty()) return;  // slower, but it works
      fail<DataError>("[data] no thread can be started ({}): raise the limit (ulimit -u)",
                      error.code().message());
    }
  }
}

PhotoStream::~PhotoStream() {
  for (std::jthread& worker : workers_) worker.request_stop();
}

/// A batch that is full, the last one, or all there is while nobody names more.
bool PhotoStream::is_worth_taking(std::size_t most) const {
  if (error_) return true;
  const auto waited_for =
      std::find_if(slots_.begin(), slots_.end(), [](const Slot& slot) { return !slot.ready; });
  const auto ready = static_cast<std::size_t>(waited_for - slots_.begin());
  if (ready >= most) return true;
  return ready == slots_.size() && (ended_ || (is_starved_ && ready > 0));
}

std::vector<Photo> PhotoStream::next(std::size_t most) {
  std::vector<Photo> photos;
  {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [&] { return is_worth_taking(most); });
    if (error_) std::rethrow_exception(error_);
    while (photos.size() < most && !slots_.empty()) {
      photos.push_back(std::move(slots_.front().photo));
      slots_.pop_front();
      ++taken_;
    }
  }
  room_.notify_all();
  return photos;
}

std::int64_t PhotoStream::total() const {
  const std::lock_guard lock(mutex_);
  return inputs_.total();
}

std::vector<std::string> PhotoStream::take_notes() {
  const std::lock_guard lock(mutex_);
  return inputs_.take_notes();
}

PhotoInputs::State PhotoStream::poll(PhotoFile& file) {
  const PhotoInputs::State state = inputs_.next(file);
  const bool was_starved = std::exchange(is_starved_, state == PhotoInputs::State::kWait);
  if (state == PhotoInputs::State::kEnd) ended_ = true;
  if (ended_ || (is_starved_ && !was_starved)) ready_.notify_one();
  return state;
}

/// Waits for room and for the next photo, whose place it takes; false at the end.
bool PhotoStream::claim(const std::stop_token& stop, std::size_t& number, PhotoFile& file) {
  constexpr int kPatience = 50;  // milliseconds after which a request to stop is looked at
  const std::lock_guard one_at_a_time(claim_mutex_);
  std::unique_lock lock(mutex_);
  for (;;) {
    room_.wait(lock, stop, [&] { return ended_ || slots_.size() < options_.ahead; });
    if (stop.stop_requested() || ended_) return false;
    const PhotoInputs::State state = poll(file);
    if (state == PhotoInputs::State::kPhoto) break;
    if (state == PhotoInputs::State::kEnd) return false;
    lock.unlock();
    PhotoInputs::wait(kPatience);
    lock.lock();
  }
  number = taken_ + slots_.size();
  slots_.emplace_back();
  return true;
}

Photo PhotoStream::decode(PhotoFile file) const {
  Photo photo;
  photo.file = std::move(file);
  try {
    const std::vector<std::uint8_t> bytes = photo.file.read();
    photo.image = decode_image(bytes, photo.file.name, options_.channels, options_.at_least);
    prepare_(photo);
  } catch (const DataError& error) {
    photo.problem = error.what();
    photo.image = {};
  }
  return photo;
}

void PhotoStream::work(const std::stop_token& stop) {
  // Where the model wants every CPU, what is decoded meanwhile would hold up all of its threads.
  setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + 10);  // on Linux, of this thread
  try {
    std::size_t number = 0;
    for (PhotoFile file; claim(stop, number, file); file = {}) {
      Photo photo = decode(std::move(file));
      const std::lock_guard lock(mutex_);
      slots_[number - taken_] = {std::move(photo), true};
      ready_.notify_one();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    error_ = std::current_exception();
    ended_ = true;
    ready_.notify_one();
    room_.notify_all();
  }
}

}  // namespace tessera
