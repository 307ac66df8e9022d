"""What strangers and broken machines have tried, and the tests that try it again.

The numbered rows are what once worked; each has tests that fail where its mending is taken out. The
others withstood from the beginning, and go on to.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the report.

    tried : what was done to the app.
    holds : what has to be seen then.
    tests : files under tests/, each with names of its tests; "*" is all of them.
    """

    tried: str
    holds: str
    tests: dict[str, str]


MENDED = (
    Row(
        "speaking to the scheduler and the workers as another user of the machine, reading the "
        "database's file",
        "no answer without the key, HTTP on the page's port alone, files for their owner alone",
        {
            "jobs/test_isolation.py": "test_who_holds_no_key_gets_no_answer_from_the_scheduler "
            "test_no_port_beside_the_pages_answers_http test_a_database_is_for_its_owner_alone"
        },
    ),
    Row(
        "the longest runs of two people at once, and a cancelled run that another asks for",
        "a stranger's short runs are done meanwhile; cancelling ends what nobody else asks for",
        {
            "jobs/test_strangers.py": "test_a_short_run_is_done_while_two_people_have_their_"
            "longest_under_way test_cancel_stops_what_somebody_else_had_asked_for_and_given_up_"
            "before",
            "jobs/test_queue.py": "test_long_runs_leave_room_and_short_ones_pass_them",
        },
    ),
    Row(
        "workbooks whose cells name one endless text, and other files that compute for ever",
        "read in a process with a limit on its seconds and memory; a sentence on the page",
        {
            "data/test_cage.py": "test_what_is_too_much_is_told "
            "test_whatever_a_reader_does_is_a_sentence"
        },
    ),
    Row(
        "small files that unpack to gigabytes, uploads without end or without a sign-in, "
        "megabytes typed",
        "refused by what they unpack to; uploads have a budget and need a session of one's own",
        {
            "data/test_cage.py": "test_what_is_too_much_is_told test_a_child_knows_no_secret",
            "parts/test_own_sessions.py": "test_uploads_are_for_those_who_were_let_in "
            "test_the_oldest_uploads_go_when_there_are_too_many",
            "serving/test_memory.py": "*",
        },
    ),
    Row(
        "the largest fits and posteriors that a page offers, kept again and again",
        "results have a limit of numbers, people and databases one of bytes; deleting frees the "
        "disk",
        {
            "jobs/test_strangers.py": "test_a_result_too_large_to_be_kept_is_refused",
            "jobs/test_kept.py": "*",
            "jobs/test_jobs.py": "test_what_ended_runs_have_drawn_is_let_go",
            "store/test_usage.py": "*",
        },
    ),
    Row(
        "killing workers, and giving them little memory",
        "new ones have the same settings; less than a worker needs is refused at the start",
        {
            "jobs/test_isolation.py": "test_workers_that_were_restarted_keep_their_settings",
            "test_settings.py": "test_what_cannot_be_used_is_said_with_the_variables_name",
        },
    ),
    Row(
        "damaged, full, unwritable and missing folders of compiled code",
        "a sentence in the log and a compilation; the numbers are the same",
        {"engines/test_compiling.py": "*"},
    ),
    Row(
        "deleting a run that others look at, letting it expire",
        "it stays on the list of whoever looked at it, and as long as somebody does",
        {
            "jobs/test_strangers.py": "test_what_i_look_at_is_on_my_list_and_stays_when_who_"
            "computed_it_deletes_it test_to_look_at_a_run_keeps_it_from_expiring"
        },
    ),
    Row(
        "cutting a stored result in half; a specification of a newer version",
        "told in a sentence, and computed again with the same numbers",
        {
            "jobs/test_strangers.py": "test_a_result_that_cannot_be_read_is_told_and_computed_"
            "again",
            "views/test_links.py": "test_what_a_newer_version_made_is_answered_in_words",
        },
    ),
    Row(
        "a worker with other sources of the program",
        "it computes nothing, and the run says why",
        {"jobs/test_strangers.py": "test_a_worker_with_another_program_computes_nothing"},
    ),
    Row(
        "uploading somebody's numbers, or an example's, under another name",
        "each sees the name they gave; nobody another's",
        {
            "jobs/test_strangers.py": "test_names_of_data_belong_to_who_gave_them",
            "store/test_store.py": "test_each_owner_sees_data_under_the_name_and_with_the_rows_it_"
            "was_saved_with",
        },
    ),
    Row(
        "reading nginx's log, and continuing a session by its id with another cookie",
        "no id in a log; a session answers its own browser alone",
        {
            "test_deploy.py": "test_no_log_of_nginx_has_the_id_of_a_session",
            "parts/test_own_sessions.py": "test_a_session_is_continued_by_its_own_browser_only",
            "serving/test_attacked.py": "test_a_session_is_nobody_elses_and_takes_no_uploads_of_"
            "others",
        },
    ),
    Row(
        "a new cookie for every run",
        "newcomers pass nobody who waits; runs waiting from one address have a limit",
        {
            "jobs/test_queue.py": "test_who_comes_anew_again_and_again_passes_nobody_who_waits",
            "jobs/test_strangers.py": "test_limits_hold_over_people_who_forget_who_they_are",
        },
    ),
    Row(
        "two hundred connections of one address behind a proxy that ends TLS",
        "an address is the person's, as that proxy says; a team has five hundred",
        {"test_deploy.py": "test_a_proxy_on_this_machine_says_who_asks"},
    ),
    Row(
        "a scheduler that accepts connections and says nothing",
        "told within ten seconds; the app ends when it is told to",
        {
            "jobs/test_isolation.py": "test_a_scheduler_that_accepts_and_says_nothing_is_told_and_"
            "left test_a_process_whose_scheduler_is_mute_ends_when_it_is_told_to",
            "test_deploy.py": "test_the_health_check_ends_what_listens_and_says_nothing",
        },
    ),
    Row(
        "cancelling a run as it ends",
        "nothing changes, and no error",
        {"jobs/test_isolation.py": "test_a_cancel_that_meets_the_end_changes_nothing"},
    ),
    Row(
        "taking the database away, by its end or by its silence",
        "every call says the same sentence, without where it is; the log says why; one that is "
        "busy is waited for",
        {
            "jobs/test_strangers.py": "test_the_database_away_is_one_sentence_without_where_it_is",
            "store/test_store.py": "test_a_database_that_takes_what_is_sent_and_says_nothing_is_"
            "away test_a_database_that_is_busy_is_waited_for test_what_a_database_works_on_for_"
            "too_long_ends_there_too test_who_holds_the_queue_and_stands_still_loses_it "
            "test_a_machine_that_went_away_is_told_by_tcp",
            "test_deploy.py": "test_the_health_check_of_the_database_tells_a_hanging_one_from_one_"
            "that_is_not_there",
            "store/test_damaged.py": "test_a_file_that_is_no_database_is_not_said_to_be_away",
        },
    ),
    Row(
        "reading compose.yaml, the image and nginx.conf; restoring a backup",
        "no rights, limits and health checks for all; a page that comes back while web is away",
        {"test_deploy.py": "*", "store/test_restore.py": "*"},
    ),
    Row(
        "rebound names, frames, pages of other ports, text frames, a clock set a year ahead, an "
        "empty database",
        "refused, closed or told; a jump of the clock deletes nothing",
        {
            "parts/test_door.py": "*",
            "jobs/test_isolation.py": "test_a_clock_that_jumps_deletes_nothing "
            "test_an_empty_database_file_is_told",
            "data/test_reading.py": "test_an_integer_of_thousands_of_digits_is_infinite_in_json_as_"
            "in_csv",
        },
    ),
)

WITHSTOOD = (
    Row(
        "HTTP paths: traversal in nine spellings, NUL, UNC, static, media, components, secrets",
        "no file of ours or the machine's, no error",
        {"serving/test_attacked.py": "test_no_path_leads_to_a_file"},
    ),
    Row(
        "websockets: foreign, null and file origins, a rebound name; broken, empty, 26 MB, text; "
        "50 protocols",
        "refused or closed, others unharmed",
        {
            "serving/test_attacked.py": "test_a_foreign_page_opens_no_session "
            "test_what_is_no_message_harms_nobody test_fifty_protocols_are_no_session"
        },
    ),
    Row(
        "widgets' values sent by hand: out of bounds, none at all",
        "no exception on the page",
        {"serving/test_attacked.py": "test_what_no_slider_gives_is_not_taken"},
    ),
    Row(
        "twelve cookies that are nearly Ann's, and more",
        "no list of hers",
        {
            "serving/test_attacked.py": "test_no_other_cookie_shows_my_list",
            "views/test_runs.py": "test_browser_keeps_its_runs_by_its_cookie_alone "
            "test_runs_of_others_are_not_listed",
        },
    ),
    Row(
        "hundreds of hostile files: text, JSON, Parquet, Excel",
        "read, or refused in words, soon and in bounded memory",
        {"fuzz/test_files.py": "*"},
    ),
    Row(
        "hostile names in reports, scripts and tables",
        "no script, no address, no formula",
        {
            "sharing/test_report.py": "test_it_refers_to_nothing_outside "
            "test_markup_in_names_stays_text",
            "sharing/test_tables.py": "test_formulas_in_column_names_are_neutralised_and_quoted "
            "test_every_start_of_a_formula_gets_an_apostrophe "
            "test_no_cell_is_a_formula_whichever_separator_the_spreadsheet_takes",
            "browser/test_report.py": "*",
        },
    ),
    Row(
        "the same on the pages, in Chromium",
        "names stay text, nothing leaves the machine",
        {
            "browser/test_data.py": "test_hostile_names_stay_text",
            "browser/test_figure.py": "test_user_text_is_shown_as_it_is "
            "test_download_disarms_text_that_a_spreadsheet_would_run",
            "views/test_runs.py": "test_hostile_names_are_shown_as_text",
            "views/test_data.py": "test_hostile_names_are_shown_as_text",
        },
    ),
    Row(
        "kill -9 under load: the server alone, and everything",
        "a sound database, children gone, what was under way is told or goes on",
        {"jobs/test_killed.py": "*"},
    ),
    Row(
        "stores damaged in file, header, pages, bits, results and specifications; a 2 GB bomb",
        "right numbers or a sentence, never others",
        {
            "store/test_damaged.py": "*",
            "jobs/test_verify.py": "test_a_stored_result_that_was_changed_is_told "
            "test_a_stored_result_that_is_damaged_is_told",
            "store/test_store.py": "test_a_dataset_that_was_changed_in_the_database_is_refused",
        },
    ),
    Row(
        "the same run asked for by many at once",
        "one run, computed once, on everybody's list",
        {
            "jobs/test_jobs.py": "test_equal_specifications_submitted_at_once_are_one_run",
            "store/test_store.py": "test_of_many_who_claim_a_run_one_gets_it",
        },
    ),
    Row(
        "cancelling, deleting and verifying what is under way",
        "ended at once or within two seconds, nothing left over",
        {
            "jobs/test_jobs.py": "test_runs_wait_in_line_and_cancelling_is_at_once_or_within_two_"
            "seconds test_a_deleted_run_stops_and_is_gone",
            "jobs/test_verify.py": "test_only_what_is_done_is_verified_and_a_check_is_shared_and_"
            "cancelled",
            "store/test_store.py": "test_a_check_goes_with_its_run",
        },
    ),
    Row(
        "the scheduler killed, a worker frozen, PostgreSQL stopped while runs are under way",
        "told, recovered; results kept or failed with a sentence",
        {
            "jobs/test_faults.py": "test_runs_survive_that_the_scheduler_is_killed_and_restarted "
            "test_a_database_that_stops_for_seconds_stops_no_run",
            "jobs/test_limits.py": "test_a_run_that_hangs_is_ended_at_its_limit_and_the_next_one_"
            "runs",
            "store/test_store.py": "test_a_database_that_stays_away_is_told_when_patience_is_over",
        },
    ),
    Row(
        "two web processes on one database: watch, cancel across, one ends",
        "both see the same, and a run outlives who asked for it",
        {
            "jobs/test_jobs.py": "test_web_processes_that_share_a_scheduler_watch_and_cancel_each_"
            "others_runs test_a_run_on_a_shared_scheduler_outlives_its_web_process",
            "jobs/test_postgres.py": "*",
            "browser/test_replicas.py": "*",
        },
    ),
    Row(
        "twenty connections that ask without end",
        "pages come",
        {"serving/test_attacked.py": "test_pages_come_while_strangers_ask_without_end"},
    ),
    Row(
        "a sign-in configured, and nobody signed in",
        "no page, link or number before it",
        {
            "browser/test_sign_in.py": "*",
            "parts/test_run_json.py": "test_where_a_sign_in_is_asked_for_only_those_signed_in_see_"
            "it",
        },
    ),
    Row(
        "a folder with a space and an umlaut, no language set, a port that is taken, few files",
        "it starts, or says why not and leaves nothing behind",
        {
            "serving/test_attacked.py": "test_a_port_that_is_taken_is_told_and_leaves_nothing_"
            "behind test_more_tabs_than_files_are_refused_and_others_come_after",
            "serving/test_server.py": "test_before_anybody_has_come_all_is_there_and_the_engines_"
            "are_loaded test_start_warns_of_nothing",
        },
    ),
)
