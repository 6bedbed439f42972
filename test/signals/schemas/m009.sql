-- What Knack with schema 9 left behind: two suggestions, a checkpoint that serves, a round.
INSERT INTO suggestion (n, id, first_at) VALUES (1, 'old-accepted', 5000), (2, 'old-rejected', 6000);
INSERT INTO event (seq, event_id, suggestion, type, at, stored_at) VALUES
  (1, 'e1', 1, 'offered', 4900, 5000), (2, 'e2', 1, 'outcome', 5900, 5901), (3, 'e3', 1, 'survival', 35000, 35001),
  (4, 'e4', 2, 'offered', 5990, 6000), (5, 'e5', 2, 'outcome', 6990, 6991), (6, 'e6', 2, 'typed-instead', 7990, 7991);
INSERT INTO offer (suggestion, seq, at, window_id, "trigger", checkpoint, prompt_hash, prompt_format, path, language,
  start_line, before, after, recent, text, token_logprobs, latency_ms, redactions, edit_start_line, edit_start_character,
  edit_end_line, edit_end_character, shown_as) VALUES
  (1, 1, 4900, 'w1', 'automatic', 'base', 'aa', 'prefix-1', 'a.ts', 'typescript', 0, 'let x = ', ';', '[]', '1', '[-0.5,-0.25]', 90.5, 0, 0, 8, 0, 8, 'ghost'),
  (2, 4, 5990, 'w1', 'explicit', 'c1', NULL, 'prefix-1', 'b.py', 'python', 10, 'p = "<redacted:password>"', '', '[]', 'x', '[-1]', 80, 1, 10, 25, 10, 25, 'next-edit');
INSERT INTO outcome VALUES
  (1, 2, 5900, 'accepted', 1, 'command', 1, 0, 'editor', 'inferred', 0), (2, 5, 6990, 'rejected', 0, 'typed-other', 0, 0, 'editor', 'observed', 1);
INSERT INTO survival VALUES (1, 30000, 3, 35000, 1.0, 1, 1);
INSERT INTO typed_instead VALUES (2, 6, 7990, 'y');
INSERT INTO checkpoint VALUES ('c1', 'hash', NULL, 8000, 'current', 'better', '{"lossAfter":1.5}', 'checkpoints/c1');
INSERT INTO checkpoint_log (base_hash, checkpoint, at, state, reason, metrics) VALUES ('hash', 'c1', 8000, 'current', 'better', '{}');
INSERT INTO current VALUES ('hash', 'c1', 8000);
INSERT INTO round VALUES (1, 'hash', 7000, 8000, 'cpu', NULL, 5, 2, 8, 640, 2.5, 1.5, 'promoted', 'better', 'c1', 0);
INSERT INTO editor_window VALUES ('w1', 1, 7990);
INSERT INTO lease VALUES ('trainer', 'w1:1', 1, 9000);
INSERT INTO canary VALUES ('hash:c1', '{"loss":1.25}', 8000);
INSERT INTO deleted_suggestion VALUES ('old-deleted', 4000);
INSERT INTO judgement VALUES (1, 'old-accepted', 4890, 7, 1, 0.4, 0, 'a.ts', 'typescript', 0, 513, '[1,-0.375]', 1.0, 1);
UPDATE offer SET remembered = '{"entries":["old-rejected"],"steps":[{"at":0,"kind":3,"share":0.5}]}' WHERE suggestion = 1;
INSERT INTO suggestion (n, id, first_at) VALUES (3, 'w1/1', 7000);
INSERT INTO event (seq, event_id, suggestion, type, at, stored_at) VALUES (7, 'w1/1/1', 3, 'written', 7995, 8000);
INSERT INTO written VALUES (3, 7, 7995, 'a.ts', '{"removed":["let x"],"added":["let y"],"above":null,"below":"z"}');
