package io.bolina.runtime.http;

/** What a page of another process answered. */
public record AdminAnswer(int statusCode, String body) {}
