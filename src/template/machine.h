#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/template/renderer.h>

#include "arena.h"
#include "code.h"

namespace hikyaku::tmpl
{

/// One `for` that runs, or the last one that ran at its depth.
struct loop_state
{
    const loop_code* code = nullptr;
    value collection;
    value item;
    std::uint64_t first = 0; ///< index of the first item in the collection
    std::uint64_t length = 0;
    std::uint64_t index = 0; ///< rounds done
};

/// Runs one program for one recipient; what filters see of it are the members above the line.
class machine
{
public:
    explicit machine(const render_limits& limits)
        : limits_(limits), scratch_(limits.scratch_bytes_max)
    {
    }

    [[nodiscard]] result<void, source_error> render(const program_code& code,
                                                    std::span<const value> slots,
                                                    const render_clock& clock, std::string& out);

    /// Notes why the rendering ends. @returns false
    bool fail(std::string text);
    /// Counts work; false after fail().
    bool charge(std::uint64_t bytes);
    /// Counts the search for `part` in `whole`, at its worst.
    bool charge_search(std::string_view whole, std::string_view part)
    {
        constexpr std::size_t compared_at_once = 64;
        return charge(whole.size() * (1 + part.size() / compared_at_once));
    }
    /// As {{ }} prints it; valid until the end of the rendering.
    [[nodiscard]] std::string_view text_of(const value& v);
    /// A copy in scratch memory; nil after fail().
    [[nodiscard]] value keep(std::string_view text);
    /// Uninitialised room for values; empty after fail().
    [[nodiscard]] std::span<value> make_array(std::size_t size);
    /// Empty, reused: build a string in it, then keep() it.
    [[nodiscard]] std::string& buffer() noexcept
    {
        buffer_.clear();
        return buffer_;
    }
    /// Member `name` of an object, or nil.
    [[nodiscard]] value member_of(const value& v, std::string_view name);
    /// Elements of what filters iterate: arrays flattened, an object as one element, nil as none.
    /// nullopt after fail().
    [[nodiscard]] std::optional<std::span<const value>> elements_of(const value& v);
    /// i-th element of an array, range or object (a pair). @pre i < size_of(v)
    [[nodiscard]] value element(const value& v, std::uint64_t i);
    [[nodiscard]] const render_clock& clock() const noexcept { return *clock_; }
    [[nodiscard]] escape_mode mode() const noexcept { return code_->mode; }
    [[nodiscard]] bool failed() const noexcept { return failed_; }
    [[nodiscard]] const render_limits& limits() const noexcept { return limits_; }
    void append_text(std::string& out, const value& v);

private:
    void prepare(const program_code& code, std::span<const value> slots, const render_clock& clock);
    void run(std::string& out);
    bool output(const value& v, std::string& out);
    [[nodiscard]] value evaluate(std::uint32_t operand_index);
    [[nodiscard]] value root_of(const operand& o);
    [[nodiscard]] value named_root(const value& name);
    [[nodiscard]] value make_range(const operand& o);
    [[nodiscard]] value look_up(const value& v, const lookup& l);
    [[nodiscard]] value look_up_computed(const value& v, const value& key);
    [[nodiscard]] value look_up_command(const value& v, const lookup& l);
    [[nodiscard]] value loop_member(const value& v, std::string_view name);
    [[nodiscard]] value run_chain(const chain& c);
    [[nodiscard]] bool test(std::uint32_t first_condition);
    [[nodiscard]] bool test_one(const condition& c);
    [[nodiscard]] bool when_matches(const case_code& c);
    [[nodiscard]] bool begin_loop(const loop_code& loop);
    [[nodiscard]] bool next_round(const loop_code& loop);
    void take_item(loop_state& state);
    [[nodiscard]] std::optional<std::int64_t> loop_bound(std::uint32_t operand_index);
    void append_inspected(std::string& out, const value& v);
    void append_elements(std::string& out, const value& v, bool inspected);
    void append_members(std::string& out, const value& v);
    [[nodiscard]] bool append_flat(std::vector<value>& out, const value& v);

    render_limits limits_;
    arena scratch_;
    const program_code* code_ = nullptr;
    std::span<const value> slots_;
    const render_clock* clock_ = nullptr;
    std::vector<value> locals_;
    std::vector<std::uint8_t> assigned_;
    std::vector<loop_state> loops_;
    std::vector<std::uint64_t> registers_;
    std::vector<value> arguments_;
    std::vector<value> flat_;
    std::string buffer_;
    std::string text_buffer_;
    std::uint64_t iterations_ = 0;
    std::uint64_t work_ = 0;
    std::uint32_t position_ = 0;
    bool failed_ = false;
    std::uint32_t failed_position_ = 0;
    std::string failure_;
};

/// Members, elements, code points; nullopt for what has no size.
[[nodiscard]] std::optional<std::uint64_t> size_of(const value& v) noexcept;
[[nodiscard]] bool is_array(const value& v) noexcept;
[[nodiscard]] bool is_object(const value& v) noexcept;

} // namespace hikyaku::tmpl
