package main

import (
	"strings"
	"unicode"

	"github.com/tidemill/tidemill/topology"
)

// build is the topology: lines of text in, and for each word how often it has
// come so far out.
func build(application, lines, counts string) *topology.Builder {
	b := topology.New(application)
	b.Stream[string, string](lines).
		FlatMapValues(words).
		GroupBy(func(_, word string) string { return word }, topology.Named("by-word")).
		Count(topology.StoreName("counts")).
		ToStream().
		To(counts)
	return b
}

// words are the words of a line in lower case. An apostrophe is part of a word,
// other signs divide words.
func words(line string) []string {
	return strings.FieldsFunc(strings.ToLower(line), func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '\''
	})
}
