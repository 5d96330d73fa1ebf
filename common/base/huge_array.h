// A large array of numbers on huge pages (2 MiB), where the kernel has them: a pass over gigabytes
// then needs a 512th of the address translations that 4 KiB pages need.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include <sys/mman.h>

#include "absl/types/span.h"

namespace tributary {

// Move-only. Values are zero at the start; a page takes memory when it is first written to.
template <typename T>
class HugeArray {
  static_assert(std::is_trivial_v<T>);

 public:
  HugeArray() = default;
  // Throws std::bad_alloc if there is no address space, as std::vector does.
  explicit HugeArray(size_t size) : size_(size) {
    if (size == 0) return;
    void* data = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) throw std::bad_alloc();
    // A hint, so that its result is not checked. Small arrays are left out: each would take a whole
    // huge page.
    if (bytes() >= kHugePage) madvise(data, bytes() / kHugePage * kHugePage, MADV_HUGEPAGE);
    data_ = static_cast<T*>(data);
  }
  ~HugeArray() {
    if (data_ != nullptr) munmap(data_, bytes());
  }
  HugeArray(HugeArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  HugeArray& operator=(HugeArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  size_t size() const { return size_; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }

 private:
  static constexpr size_t kHugePage = 2 << 20;
  size_t bytes() const { return size_ * sizeof(T); }

  T* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace tributary
