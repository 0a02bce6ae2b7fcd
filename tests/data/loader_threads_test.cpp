// A system that gives no more threads.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "data/loader.h"
#include "data/sets/synthetic.h"
#include "tests/data/files.h"

namespace tessera {
namespace {

using namespace testing;

/// Lets the process have but `more` bytes of addresses beyond those it has.
class AddressLimit {
 public:
  explicit AddressLimit(rlim_t more) {
    getrlimit(RLIMIT_AS, &before_);
    rlim_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit limit = before_;
    limit.rlim_cur = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + more;
    setrlimit(RLIMIT_AS, &limit);
  }
  AddressLimit(const AddressLimit&) = delete;
  AddressLimit& operator=(const AddressLimit&) = delete;
  ~AddressLimit() { setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

TEST_CASE("loader: a thread that cannot be started is an error that says what to do") {
  const auto dataset = make_shapes({.samples = 8}, Split::kTrain);
  LoaderOptions options;
  options.batch_size = 4;
  options.normalization = {{0.0f, 0.0f, 0.0f}, {1.0f, 1.0f, 1.0f}};
  options.workers = 1000;
  const AddressLimit limit(rlim_t{128} << 20);  // a thread's stack takes 8 MB of addresses
  const std::string message = message_of<DataError>([&] { Loader loader(*dataset, options); });
  CHECK(contains(message, "of data.workers 1000 cannot be started (Resource temporarily"));
  CHECK(contains(message, "lower data.workers, or raise the limit"));
}

}  // namespace
}  // namespace tessera
