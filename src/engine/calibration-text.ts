/** Some code as it is met every day, in several languages: what a base is calibrated on before it is quantised. */
export const CALIBRATION_TEXT: readonly { readonly path: string; readonly text: string }[] = [
  {
    path: 'src/cart/total.ts',
    text: `import { type Item, priceOf } from './item.ts';
import type { Voucher } from '../vouchers/voucher.ts';

export interface Total {
  readonly net: number;
  readonly tax: number;
  readonly lines: readonly { name: string; amount: number }[];
}

/** Sums up a cart; throws a RangeError for a negative quantity. */
export function totalOf(items: readonly Item[], voucher: Voucher | null, taxRate = 0.19): Total {
  const lines = items.map((item) => ({ name: item.name, amount: priceOf(item) * item.quantity }));
  let net = 0;
  for (const { name, amount } of lines) {
    if (amount < 0) throw new RangeError(\`\${name}: \${amount} is no amount\`);
    net += amount;
  }
  if (voucher !== null && net >= voucher.minimum) net = Math.max(0, net - voucher.value);
  return { net, tax: Math.round(net * taxRate * 100) / 100, lines };
}
`,
  },
  {
    path: 'app/services/reports.py',
    text: `"""Monthly reports."""
from __future__ import annotations

import csv
import logging
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

logger = logging.getLogger(__name__)


@dataclass
class Report:
    month: date
    rows: list[dict[str, str]] = field(default_factory=list)

    def total(self, column: str) -> float:
        return sum(float(row[column] or 0) for row in self.rows)


def read_report(path: Path, month: date) -> Report:
    if not path.exists():
        raise FileNotFoundError(f"no report at {path}")
    report = Report(month)
    with path.open(newline="", encoding="utf-8") as handle:
        for number, row in enumerate(csv.DictReader(handle), start=1):
            if row.get("id") is None:
                logger.warning("line %d has no id", number)
                continue
            report.rows.append(row)
    return report
`,
  },
  {
    path: 'internal/queue/queue.go',
    text: `package queue

import (
	"context"
	"errors"
	"sync"
	"time"
)

var ErrClosed = errors.New("queue: closed")

type Job struct {
	ID      string
	Attempt int
	Run     func(ctx context.Context) error
}

type Queue struct {
	mu     sync.Mutex
	jobs   chan Job
	closed bool
}

func New(size int) *Queue {
	return &Queue{jobs: make(chan Job, size)}
}

func (q *Queue) Push(job Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	select {
	case q.jobs <- job:
		return nil
	case <-time.After(100 * time.Millisecond):
		return errors.New("queue: full")
	}
}
`,
  },
  {
    path: 'src/parser.rs',
    text: `use std::collections::HashMap;
use std::fmt;

#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Number(f64),
    Name(String),
    Symbol(char),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Number(n) => write!(f, "{n}"),
            Token::Name(name) => write!(f, "{name}"),
            Token::Symbol(c) => write!(f, "'{c}'"),
        }
    }
}

pub fn tokenize(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&c) = chars.peek() {
        if c.is_whitespace() {
            chars.next();
        } else if c.is_ascii_digit() {
            let mut number = String::new();
            while let Some(&d) = chars.peek().filter(|d| d.is_ascii_digit() || **d == '.') {
                number.push(d);
                chars.next();
            }
            tokens.push(Token::Number(number.parse().map_err(|e| format!("{number}: {e}"))?));
`,
  },
  {
    path: 'web/components/Table.jsx',
    text: `import React, { useEffect, useMemo, useState } from 'react';
import { fetchRows } from '../api/rows';

export default function Table({ columns, pageSize = 20, onSelect }) {
  const [rows, setRows] = useState([]);
  const [page, setPage] = useState(0);
  const [error, setError] = useState(null);

  useEffect(() => {
    let cancelled = false;
    fetchRows({ offset: page * pageSize, limit: pageSize })
      .then((result) => !cancelled && setRows(result.data))
      .catch((e) => setError(e.message));
    return () => {
      cancelled = true;
    };
  }, [page, pageSize]);

  const sorted = useMemo(() => [...rows].sort((a, b) => a.name.localeCompare(b.name)), [rows]);
  if (error) return <p className="error">Could not load: {error}</p>;
  return (
    <table>
      <tbody>
        {sorted.map((row) => (
          <tr key={row.id} onClick={() => onSelect(row)}>
`,
  },
  {
    path: 'README.md',
    text: `# Notes

A small service that keeps notes in folders. It has no database: each note is a Markdown file, and the index is built
again at each start.

## Usage

\`\`\`sh
npm install
npm start -- --port 8080 --folder ~/notes
curl -X POST http://localhost:8080/notes -d '{"title": "Shopping", "tags": ["home"]}'
\`\`\`

| Option | Default | Meaning |
|---|---|---|
| \`--port\` | 3000 | where it listens |
| \`--folder\` | \`./notes\` | where the notes lie |

Licensed under the MIT licence. Bugs and wishes: open an issue.
`,
  },
  {
    path: 'include/ring_buffer.hpp',
    text: `#pragma once
#include <array>
#include <cstddef>
#include <optional>

namespace util {

template <typename T, std::size_t N>
class RingBuffer {
 public:
  bool push(const T& value) {
    if (size_ == N) return false;
    data_[(head_ + size_) % N] = value;
    ++size_;
    return true;
  }

  std::optional<T> pop() {
    if (size_ == 0) return std::nullopt;
    T value = data_[head_];
    head_ = (head_ + 1) % N;
    --size_;
    return value;
  }

 private:
  std::array<T, N> data_{};
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace util
`,
  },
  {
    path: 'src/main/java/org/example/users/UserService.java',
    text: `package org.example.users;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

public class UserService {
    private final UserRepository repository;
    private final Clock clock;

    public UserService(UserRepository repository, Clock clock) {
        this.repository = repository;
        this.clock = clock;
    }

    public Optional<User> findByEmail(String email) {
        if (email == null || email.isBlank()) {
            return Optional.empty();
        }
        return repository.findByEmail(email.trim().toLowerCase());
    }

    public List<User> inactiveSince(Instant since) {
        return repository.findAll().stream()
            .filter(user -> user.getLastLogin().isBefore(since))
            .toList();
    }
}
`,
  },
];
