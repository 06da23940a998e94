#include <hikyaku/crm/csv.h>
#include <hikyaku/crm/import.h>

#include "import_checkpoint.h"
#include "keys.h"
#include "tenant_fixture.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <stdlib.h>

namespace hikyaku::crm
{
namespace
{

/// A tenant with the default fields, member (integer, update key), age (integer) and plan (select
/// with a default).
class Import : public tenant_fixture
{
protected:
    void SetUp() override
    {
        tenant_fixture::SetUp();
        std::string name = (std::filesystem::temp_directory_path() / "hk-import-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        dir_ = name;
        member_ = add_field("member", field_type::integer, true).id;
        age_ = add_field("age", field_type::integer).id;
        field plan;
        plan.name = "plan";
        plan.label = "プラン";
        plan.type = field_type::select;
        plan.options = {"free", "paid"};
        plan.default_value = "free";
        plan_ = schemas_->create(tenant_, who_, plan).value().id;
        start();
    }
    void TearDown() override { std::filesystem::remove_all(dir_); }

    void start()
    {
        uploads_ = std::make_unique<uploads>(*db_, *log_, system_clock(), dir_ / "uploads");
        importer_ =
            std::make_unique<importer>(*db_, *log_, *schemas_, stamps_, *uploads_, system_clock());
    }
    std::string hand_over(std::string_view text)
    {
        const auto file = dir_ / "spool";
        std::ofstream(file, std::ios::binary) << text;
        return uploads_->adopt(tenant_, who_, file).value().public_id();
    }
    jobs::job make_job(const import_options& o)
    {
        jobs::job j;
        j.id = ++jobs_;
        j.tenant = tenant_;
        j.kind = import_kind;
        j.parameters = to_json(o);
        j.who = who_;
        return j;
    }
    /// The job's row as the last commit left it.
    jobs::job stored() const
    {
        const auto key = jobs::job_key(jobs_);
        return jobs::decode_job(tenant_, key, rows()->find(key).value().value()).value();
    }
    std::filesystem::path error_file() const { return dir_ / "errors" / std::to_string(jobs_); }
    std::string errors() const
    {
        std::ifstream in(error_file(), std::ios::binary);
        std::ostringstream out;
        out << in.rdbuf();
        return out.str();
    }
    jobs::outcome run(const jobs::job& j, int batches = 1'000'000)
    {
        int left = batches;
        jobs::context c(j, error_file(), [&left] { return left-- == 0; });
        return importer_->run(c);
    }
    /// Imports a text; what the job counted is in counts_.
    jobs::outcome import(std::string_view text, import_options o = {})
    {
        o.upload_id = hand_over(text);
        auto how = run(make_job(o));
        counts_ = how.counts;
        return how;
    }
    std::int64_t count(const char* name) const
    {
        return counts_.contains(name) ? counts_.at(name).to_number<std::int64_t>() : -1;
    }
    std::string show(std::string_view address, std::uint16_t id)
    {
        const auto number = contacts_->find(tenant_, email_field, std::string(address)).value();
        if (!number)
        {
            return "nobody";
        }
        const auto c = contacts_->get(tenant_, *number).value();
        const auto* v = c.find(id);
        return v == nullptr ? "none" : format_value(*v);
    }
    /// Every 'e' and 'u' row fits a contact and the other way round.
    void check_indexes()
    {
        const auto s = schemas_->get(tenant_).value();
        std::vector<std::string> expected;
        const auto page = contacts_->list(tenant_, ordinal{0}, 1'000).value();
        for (const auto& c : page.contacts)
        {
            for (const auto id : s->update_keys())
            {
                const auto* v = c.find(id);
                if (v != nullptr)
                {
                    expected.push_back(unique_key(id, key_bytes(*s->find(id), *v)));
                    EXPECT_EQ(rows()->find(expected.back()).value(), ordinal_value(c.number));
                }
            }
        }
        std::sort(expected.begin(), expected.end());
        EXPECT_EQ(keys("u"), expected);
        EXPECT_EQ(keys("e").size(), page.contacts.size());
        EXPECT_EQ(contacts_->count(tenant_).value(), page.contacts.size());
    }

    std::filesystem::path dir_;
    std::unique_ptr<uploads> uploads_;
    std::unique_ptr<importer> importer_;
    std::uint16_t member_ = 0;
    std::uint16_t age_ = 0;
    std::uint16_t plan_ = 0;
    std::uint64_t jobs_ = 0;
    json::object counts_;
};

TEST_F(Import, CreatesAndUpdatesByAddress)
{
    (void)add("b@example.jp", {{age_, value{std::int64_t{7}}}});
    const auto how = import("\xEF\xBB\xBF"
                            "email,氏名,age\r\n"
                            "a@example.jp,山田,30\r\n"
                            "B@EXAMPLE.jp,\"鈴木, 花子\",\r\n"
                            "\r\n"
                            "a@example.jp,山田,30\r\n");
    EXPECT_EQ(how.how, jobs::verdict::done) << how.text;
    EXPECT_EQ(count("rows"), 3);
    EXPECT_EQ(count("created"), 1);
    EXPECT_EQ(count("updated"), 1);
    EXPECT_EQ(count("unchanged"), 1);
    EXPECT_EQ(count("rejected"), 0);
    EXPECT_EQ(show("a@example.jp", age_), "30");
    EXPECT_EQ(show("a@example.jp", plan_), "free");
    EXPECT_EQ(show("b@example.jp", name_field), "鈴木, 花子");
    EXPECT_EQ(show("b@example.jp", age_), "none");
    EXPECT_EQ(contacts_->last_ordinal(tenant_).value().value, 2U);
    check_indexes();
    EXPECT_EQ(last_verb(), import_kind);
    const auto j = stored();
    EXPECT_EQ(j.last.at.done, j.last.at.total);
    EXPECT_FALSE(j.has_error_file);
    EXPECT_EQ(j.last.counts, counts_);
}

TEST_F(Import, LooksLikeWhatContactsWrites)
{
    const auto made = add("x@example.jp", {{member_, value{std::int64_t{5}}}});
    ASSERT_EQ(import("email,member\ny@example.jp,6\n").how, jobs::verdict::done);
    const auto other = contacts_->get(tenant_, ordinal{made.number.value + 1}).value();
    EXPECT_EQ(other.revision, made.revision);
    EXPECT_EQ(other.fields.size(), made.fields.size());
    // The ordinary calls find, change and remove it.
    ASSERT_TRUE(contacts_->update(tenant_, who_, other.number, {{member_, value{std::int64_t{5}}}})
                    .has_error());
    ASSERT_TRUE(contacts_->remove(tenant_, who_, other.number).has_value());
    check_indexes();
}

TEST_F(Import, Modes)
{
    (void)add("old@example.jp");
    const std::string_view text = "email,age\nold@example.jp,1\nnew@example.jp,2\n";
    import_options o;
    o.mode = import_mode::update_only;
    ASSERT_EQ(import(text, o).how, jobs::verdict::done);
    EXPECT_EQ(count("updated"), 1);
    EXPECT_EQ(count("skipped"), 1);
    EXPECT_EQ(show("new@example.jp", age_), "nobody");
    o.mode = import_mode::new_only;
    ASSERT_EQ(import("email,age\nold@example.jp,9\nnew@example.jp,2\nnew@example.jp,3\n", o).how,
              jobs::verdict::done);
    EXPECT_EQ(count("created"), 1);
    EXPECT_EQ(count("skipped"), 2);
    EXPECT_EQ(show("old@example.jp", age_), "1");
    EXPECT_EQ(show("new@example.jp", age_), "2");
    check_indexes();
}

TEST_F(Import, OtherKeyAndKeptCells)
{
    (void)add("a@example.jp", {{member_, value{std::int64_t{1}}}});
    import_options o;
    o.key = "label of member";
    o.empty = empty_cell::keep;
    ASSERT_EQ(import("member,email,age\n1,,44\n2,b@example.jp,\n", o).how, jobs::verdict::done);
    EXPECT_EQ(count("updated"), 1);
    EXPECT_EQ(count("created"), 1);
    EXPECT_EQ(show("a@example.jp", age_), "44");
    o.empty = empty_cell::clear;
    ASSERT_EQ(import("member,email,age\n1,new@example.jp,\n", o).how, jobs::verdict::done);
    EXPECT_EQ(show("a@example.jp", age_), "nobody");
    EXPECT_EQ(show("new@example.jp", age_), "none");
    check_indexes();
}

TEST_F(Import, RejectedRowsGoToTheErrorFileAsTheyWere)
{
    (void)add("taken@example.jp", {{member_, value{std::int64_t{9}}}});
    const auto how = import("email,age,member\r\n"
                            "ok@example.jp,1,1\r\n"
                            "no-at-sign,1,\r\n"
                            "x@example.jp,\"many, many\",\r\n"
                            "short@example.jp,1\r\n"
                            ",1,\r\n"
                            "y@example.jp,1,9\r\n"
                            "\"z\"@example.jp,1,\r\n"
                            "last@example.jp,2,2\r\n");
    EXPECT_EQ(how.how, jobs::verdict::done) << how.text;
    EXPECT_EQ(count("created"), 2);
    EXPECT_EQ(count("rejected"), 6);
    EXPECT_EQ(count("rows"), 8);
    EXPECT_TRUE(stored().has_error_file);
    csv_parser parser;
    const std::string text = errors();
    parser.feed(text, true);
    std::vector<std::vector<std::string>> found;
    while (parser.next() == csv_parser::event::record)
    {
        found.emplace_back(parser.fields().begin(), parser.fields().end());
    }
    using strings = std::vector<std::string>;
    ASSERT_EQ(found.size(), 7U) << text;
    EXPECT_EQ(found[0], (strings{"row", "reason", "email", "age", "member"}));
    EXPECT_EQ(found[1][0], "2");
    EXPECT_TRUE(found[1][1].starts_with("email: ")) << found[1][1];
    EXPECT_EQ(found[2][3], "many, many");
    EXPECT_EQ(found[3], (strings{"4", "The row has more or fewer columns than the header.",
                                 "short@example.jp", "1"}));
    EXPECT_EQ(found[4][1], "email: The update key is empty.");
    EXPECT_EQ(found[5][1], "member: Another contact has this value; the field is an update key.");
    EXPECT_EQ(found[6][2], "\"z\"@example.jp,1,");
    check_indexes();
}

TEST_F(Import, KeysMoveBetweenContactsInOrder)
{
    (void)add("a@example.jp", {{member_, value{std::int64_t{1}}}});
    (void)add("b@example.jp", {{member_, value{std::int64_t{2}}}});
    // b wants 1 while a has it; then a gives it up, and b takes it.
    ASSERT_EQ(import("email,member\n"
                     "b@example.jp,1\n"
                     "a@example.jp,3\n"
                     "b@example.jp,1\n"
                     "c@example.jp,2\n")
                  .how,
              jobs::verdict::done);
    EXPECT_EQ(count("rejected"), 1);
    EXPECT_EQ(count("updated"), 2);
    EXPECT_EQ(count("created"), 1);
    EXPECT_EQ(show("a@example.jp", member_), "3");
    EXPECT_EQ(show("b@example.jp", member_), "1");
    EXPECT_EQ(show("c@example.jp", member_), "2");
    check_indexes();
}

TEST_F(Import, MappingStrictAndWarnings)
{
    import_options o;
    o.mapping = {{"Mail", "email"}, {"memo", ""}, {"years", "age"}};
    ASSERT_EQ(import(" Mail ,memo,years,unknown\na@example.jp,x,8,y\n", o).how,
              jobs::verdict::done);
    EXPECT_EQ(show("a@example.jp", age_), "8");
    ASSERT_EQ(counts_.at("warnings").as_array().size(), 1U);
    EXPECT_EQ(counts_.at("warnings").at(0).as_string(),
              "Column 4 (\"unknown\") matches no field and is left out.");
    o.strict = true;
    const auto refused = import("Mail,memo,years,unknown\na@example.jp,x,8,y\n", o);
    EXPECT_EQ(refused.how, jobs::verdict::failed);
    EXPECT_NE(refused.text.find("Column 4"), std::string::npos);
}

TEST_F(Import, CheckRefusesAtOnce)
{
    struct row
    {
        const char* name;
        std::string text;
        import_options o;
        errc expected;
    };
    import_options other_key;
    other_key.key = "age";
    import_options bad_map;
    bad_map.mapping = {{"nothing", "age"}};
    import_options bad_target;
    bad_target.mapping = {{"age", "nothing"}};
    const row table[] = {
        {"Empty", "", {}, errc::invalid},
        {"NoKeyColumn", "age\n1\n", {}, errc::invalid},
        {"TwoColumns", "email,age,label of age\n", {}, errc::invalid},
        {"NotAnUpdateKey", "email,age\n", other_key, errc::invalid},
        {"MapsMissingColumn", "email,age\n", bad_map, errc::invalid},
        {"MapsToNothing", "email,age\n", bad_target, errc::invalid},
        {"BadHeader", "em\"ail,age\n", {}, errc::invalid},
        {"HeaderNotUtf8", "email,\x8E\x81\x96\xBC\n", {}, errc::invalid},
    };
    for (const auto& r : table)
    {
        auto o = r.o;
        o.upload_id = hand_over(r.text);
        const auto checked = importer_->check(tenant_, o);
        ASSERT_TRUE(checked.has_error()) << r.name;
        EXPECT_EQ(checked.error().code, r.expected) << r.name;
        EXPECT_EQ(run(make_job(o)).how, jobs::verdict::failed) << r.name;
    }
    import_options o;
    o.upload_id = "upl_0000000000001";
    EXPECT_EQ(importer_->check(tenant_, o).error().code, errc::not_found);
    o.upload_id = hand_over("email\n");
    EXPECT_EQ(importer_->check(other_, o).error().code, errc::not_found);
    EXPECT_TRUE(importer_->check(tenant_, o).has_value());
}

std::string many_rows(int n)
{
    std::string text = "email,age,member\n";
    for (int i = 0; i < n; ++i)
    {
        const auto number = std::to_string(i);
        text +=
            "user" + number + "@example.jp," + (i % 1000 == 7 ? "x" : number) + "," + number + "\n";
    }
    return text;
}

TEST_F(Import, GoesOnAfterARestartWhereItWas)
{
    import_options o;
    o.upload_id = hand_over(many_rows(5'000));
    EXPECT_EQ(run(make_job(o), 1).how, jobs::verdict::stopped);
    const auto half = stored();
    EXPECT_EQ(contacts_->count(tenant_).value(), importer::batch_rows_max - 1);
    EXPECT_GT(half.last.at.done, 0U);
    EXPECT_LT(half.last.at.done, half.last.at.total);
    EXPECT_TRUE(half.has_error_file);
    // What was written after the checkpoint is gone after a crash's resume.
    std::ofstream(error_file(), std::ios::app) << "torn row";
    open();
    start();
    const auto how = run(half);
    EXPECT_EQ(how.how, jobs::verdict::done) << how.text;
    counts_ = how.counts;
    EXPECT_EQ(count("rows"), 5'000);
    EXPECT_EQ(count("created"), 4'995);
    EXPECT_EQ(count("rejected"), 5);
    EXPECT_EQ(contacts_->count(tenant_).value(), 4'995U);
    EXPECT_EQ(contacts_->last_ordinal(tenant_).value().value, 4'995U);
    const std::string text = errors();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 6);
    EXPECT_EQ(text.find("torn"), std::string::npos);
    EXPECT_NE(text.find("\r\n4008,"), std::string::npos);
    EXPECT_FALSE(log_->find_break(tenant_).value());
}

TEST_F(Import, FieldsMayChangeBetweenBatches)
{
    import_options o;
    o.upload_id = hand_over(many_rows(3'000));
    EXPECT_EQ(run(make_job(o), 1).how, jobs::verdict::stopped);
    ASSERT_TRUE(schemas_->remove(tenant_, who_, member_).has_value());
    const auto how = run(stored());
    EXPECT_EQ(how.how, jobs::verdict::done) << how.text;
    EXPECT_EQ(show("user2999@example.jp", age_), "2999");
    EXPECT_EQ(show("user2999@example.jp", member_), "none");
    EXPECT_EQ(how.counts.at("warnings").as_array().size(), 1U);
}

TEST_F(Import, BumpsStampsOfWhatItChanged)
{
    const auto a = add("a@example.jp", {{member_, value{std::int64_t{1}}}});
    const auto contact_before = stamps_.stamp(tenant_, a.number);
    const auto old_before = stamps_.stamp_address(tenant_, "a@example.jp");
    const auto new_before = stamps_.stamp_address(tenant_, "n@example.jp");
    import_options o;
    o.key = "member";
    ASSERT_EQ(import("member,email\n1,n@example.jp\n", o).how, jobs::verdict::done);
    EXPECT_NE(stamps_.stamp(tenant_, a.number), contact_before);
    EXPECT_NE(stamps_.stamp_address(tenant_, "a@example.jp"), old_before);
    EXPECT_NE(stamps_.stamp_address(tenant_, "n@example.jp"), new_before);
}

TEST_F(Import, LargeContactsMakeSmallerBatches)
{
    // 100 contacts of about 250 KiB, every fourth row: each is more than a batch may load.
    std::vector<std::uint16_t> notes;
    for (int i = 0; i < 4; ++i)
    {
        notes.push_back(add_field("note" + std::to_string(i), field_type::text).id);
    }
    const std::string long_text(62'000, 'n');
    std::string text = "email,age\n";
    for (int i = 0; i < 400; ++i)
    {
        const auto address = "u" + std::to_string(i) + "@example.jp";
        text += address + ",5\n";
        values v;
        for (const auto id : notes)
        {
            v.emplace_back(id, long_text);
        }
        if (i % 4 == 0)
        {
            (void)add(address, std::move(v));
        }
    }
    ASSERT_EQ(import(text).how, jobs::verdict::done);
    EXPECT_EQ(count("updated"), 100);
    EXPECT_EQ(count("created"), 300);
    oplog::operation_log::filter f;
    f.operation = std::string(import_kind);
    EXPECT_EQ(log_->list(tenant_, f, 0, 1'000)->size(), 101U);
    check_indexes();
}

TEST_F(Import, ACommitFitsBesideWhatGoesFirst)
{
    const auto note = add_field("note", field_type::text).id;
    for (const std::size_t note_bytes : {0, 100, 2'000})
    {
        std::string text = "email,note\n";
        for (int i = 0; i < 2'000; ++i)
        {
            text += "u" + std::to_string(i) + "@" + std::to_string(note_bytes) + ".example.jp," +
                    std::string(note_bytes, 'n') + "\n";
        }
        const auto before = db_->stats();
        ASSERT_EQ(import(text).how, jobs::verdict::done);
        EXPECT_EQ(count("created"), 2'000);
        const auto after = db_->stats();
        EXPECT_GE(after.groups - before.groups, 4U);
        // The batches are alike, so the mean tells of each.
        EXPECT_LT((after.bytes - before.bytes) / (after.groups - before.groups),
                  store::options().group_bytes_max * 3 / 4)
            << note_bytes;
    }
    EXPECT_EQ(show("u7@100.example.jp", note), std::string(100, 'n'));
}

TEST_F(Import, RunsAsAJob)
{
    jobs::jobs work(*db_, *log_, system_clock(), {.dir = dir_ / "jobs", .threads = 1});
    work.register_kind(std::string(import_kind),
                       [this](jobs::context& c) { return importer_->run(c); });
    work.run();
    import_options o;
    o.upload_id = hand_over(many_rows(2'500));
    const auto j = work.start(tenant_, who_, import_kind, to_json(o)).value();
    const auto deadline = std::chrono::steady_clock::now() + seconds{60};
    auto now = j;
    while (!jobs::is_final(now.state) && std::chrono::steady_clock::now() < deadline)
    {
        std::this_thread::yield();
        now = work.find(tenant_, j.public_id()).value();
    }
    EXPECT_EQ(now.state, jobs::job_state::done) << now.failure_text;
    EXPECT_EQ(now.last.counts.at("created").to_number<int>(), 2'497);
    EXPECT_TRUE(now.has_error_file);
    EXPECT_TRUE(std::filesystem::exists(work.error_file(now)));
    work.stop();
}

TEST(ImportCheckpoint, GoldenBytesAndDamage)
{
    import_checkpoint c;
    c.at = {300, 4, 3};
    c.reject_bytes = 5;
    c.counts = {6, 7, 8, 9, 10, 11};
    const std::string bytes = encode_checkpoint(c);
    EXPECT_EQ(bytes, "\x01\xAC\x02\x04\x03\x05\x06\x07\x08\x09\x0A\x0B");
    const auto again = decode_checkpoint(bytes);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->at.offset, 300U);
    EXPECT_EQ(again->reject_bytes, 5U);
    EXPECT_EQ(again->counts, c.counts);
    for (std::size_t n = 0; n < bytes.size(); ++n)
    {
        EXPECT_FALSE(decode_checkpoint(bytes.substr(0, n)));
    }
    EXPECT_FALSE(decode_checkpoint(bytes + "x"));
    EXPECT_FALSE(decode_checkpoint("\x02" + bytes.substr(1)));
}

TEST(ImportOptions, RoundTripAndRefusals)
{
    import_options o;
    o.upload_id = "upl_1";
    o.mode = import_mode::update_only;
    o.key = "member";
    o.mapping = {{"A", "email"}, {"B", ""}};
    o.strict = true;
    o.empty = empty_cell::keep;
    const auto again = parse_import_options(to_json(o)).value();
    EXPECT_EQ(to_json(again), to_json(o));
    EXPECT_EQ(again.mapping, o.mapping);
    const auto least = parse_import_options({{"upload", "upl_1"}}).value();
    EXPECT_EQ(least.key, "email");
    EXPECT_EQ(least.mode, import_mode::both);
    const json::object refused[] = {
        {},
        {{"upload", 1}},
        {{"upload", ""}},
        {{"upload", "u"}, {"mode", "all"}},
        {{"upload", "u"}, {"strict", "yes"}},
        {{"upload", "u"}, {"empty", "drop"}},
        {{"upload", "u"}, {"mapping", json::object{{"a", 1}}}},
        {{"upload", "u"}, {"mapping", json::array{}}},
        {{"upload", "u"}, {"key", nullptr}},
        {{"upload", "u"}, {"other", 1}},
    };
    for (const auto& r : refused)
    {
        const auto parsed = parse_import_options(r);
        ASSERT_TRUE(parsed.has_error()) << to_json_text(r);
        EXPECT_FALSE(parsed.error().field.empty());
    }
}

} // namespace
} // namespace hikyaku::crm
