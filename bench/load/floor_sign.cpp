// floor_sign THREADS SECONDS [BYTES]: the CPU that a DKIM signature must cost at least.
//
// Each thread hashes BYTES (10240) with SHA-256 and signs the digest with its own RSA-2048
// key, in a tight loop over contexts made once, as `openssl speed` does. Prints JSON.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <latch>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string>
#include <thread>
#include <vector>

namespace
{

constexpr int key_bits = 2048;

struct share
{
    unsigned long signatures = 0;
    double cpu_s = 0;
};

[[noreturn]] void fail(const char* what)
{
    std::fprintf(stderr, "floor_sign: %s\n", what);
    ERR_print_errors_fp(stderr);
    std::exit(1);
}

double thread_cpu_s()
{
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void sign_until(const std::atomic<bool>& stop, std::latch& prepared, std::size_t bytes, share& mine)
{
    EVP_PKEY* const key = EVP_RSA_gen(key_bits);
    EVP_PKEY_CTX* const context = key == nullptr ? nullptr : EVP_PKEY_CTX_new(key, nullptr);
    EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    EVP_MD_CTX* const hash = EVP_MD_CTX_new();
    if (context == nullptr || sha256 == nullptr || hash == nullptr ||
        EVP_PKEY_sign_init(context) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context, sha256) != 1)
    {
        fail("cannot prepare the key");
    }
    const std::string message(bytes, 'x');
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned char signature[key_bits / 8];
    prepared.arrive_and_wait();
    const double begun = thread_cpu_s();
    while (!stop.load(std::memory_order_relaxed))
    {
        unsigned digest_size = 0;
        std::size_t signature_size = sizeof signature;
        if (EVP_DigestInit_ex2(hash, sha256, nullptr) != 1 ||
            EVP_DigestUpdate(hash, message.data(), message.size()) != 1 ||
            EVP_DigestFinal_ex(hash, digest, &digest_size) != 1 ||
            EVP_PKEY_sign(context, signature, &signature_size, digest, digest_size) != 1)
        {
            fail("cannot sign");
        }
        ++mine.signatures;
    }
    mine.cpu_s = thread_cpu_s() - begun;
    EVP_MD_CTX_free(hash);
    EVP_MD_free(sha256);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
}

} // namespace

int main(int argc, char** argv)
{
    const long threads = argc > 1 ? std::atol(argv[1]) : 0;
    const double seconds = argc > 2 ? std::atof(argv[2]) : 0;
    const long bytes = argc > 3 ? std::atol(argv[3]) : 10240;
    if (threads < 1 || threads > 256 || seconds <= 0 || bytes < 0)
    {
        std::fputs("usage: floor_sign THREADS SECONDS [BYTES]\n", stderr);
        return 2;
    }
    std::atomic<bool> stop = false;
    std::vector<share> shares(static_cast<std::size_t>(threads));
    std::latch prepared(threads + 1);
    std::vector<std::thread> running;
    for (share& each : shares)
    {
        running.emplace_back(
            [&stop, &prepared, &each, bytes]
            { sign_until(stop, prepared, static_cast<std::size_t>(bytes), each); });
    }
    prepared.arrive_and_wait();
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    stop = true;
    share sum;
    for (std::size_t i = 0; i != shares.size(); ++i)
    {
        running[i].join();
        sum.signatures += shares[i].signatures;
        sum.cpu_s += shares[i].cpu_s;
    }
    if (sum.signatures == 0)
    {
        fail("no signature was made in time");
    }
    std::printf("{\"threads\":%ld,\"signatures\":%lu,\"sign_us\":%.2f}\n", threads, sum.signatures,
                sum.cpu_s * 1e6 / static_cast<double>(sum.signatures));
    return 0;
}
