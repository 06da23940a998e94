#pragma once

#include <chrono>
#include <functional>
#include <new>
#include <string>

#include <sys/mman.h>

namespace hikyaku::test
{

/// How a child process ended.
struct child_end
{
    /// Exit code, or -1 when a signal ended it.
    int code = -1;
    int signal = 0;
    /// It did not end in time and was killed: always a failure of the test.
    bool hung = false;
    /// What it wrote to standard error.
    std::string errors;
};

/// Runs `body` in a forked child and returns how that ended; the child's exit code is body's
/// result. The parent must not have used RocksDB: its threads don't survive a fork.
[[nodiscard]] child_end run_child(const std::function<int()>& body,
                                  std::chrono::milliseconds deadline);

/// One T in memory that children share with their parent.
template <class T> class shared_memory
{
public:
    shared_memory()
        : memory_(
              ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
    {
        if (memory_ == MAP_FAILED)
        {
            throw std::bad_alloc();
        }
        object_ = new (memory_) T;
    }
    ~shared_memory() { ::munmap(memory_, sizeof(T)); }
    shared_memory(const shared_memory&) = delete;
    shared_memory& operator=(const shared_memory&) = delete;
    T* operator->() const noexcept { return object_; }
    T& operator*() const noexcept { return *object_; }

private:
    void* memory_;
    T* object_ = nullptr;
};

} // namespace hikyaku::test
