package io.bolina.controlplane.state;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.io.SerializedString;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import io.bolina.registry.model.Member;
import java.io.IOException;
import java.util.IdentityHashMap;

/**
 * Writes a member of a fleet as JSON once, however often the fleet is written: most members are the
 * same objects as in the last.
 */
final class MemberJsonCache {
  private static final JsonMapper JSON = json().build();

  private IdentityHashMap<Member, SerializedString> written = new IdentityHashMap<>();
  private IdentityHashMap<Member, SerializedString> last = new IdentityHashMap<>();

  /** JSON as it is in the state file. */
  static JsonMapper.Builder json() {
    return JsonMapper.builder()
        .addModule(new Jdk8Module())
        .addModule(new JavaTimeModule())
        .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
        .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
        .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES);
  }

  SimpleModule module() {
    return new SimpleModule().addSerializer(Member.class, new Serializer());
  }

  /** Forgets the members that were not written since this was called last. */
  void forgetOthers() {
    last = written;
    written = new IdentityHashMap<>(last.size());
  }

  private final class Serializer extends JsonSerializer<Member> {
    @Override
    public void serialize(Member member, JsonGenerator out, SerializerProvider provider)
        throws IOException {
      SerializedString known = last.get(member);
      if (known == null) {
        known = new SerializedString(JSON.writeValueAsString(member));
        known.asUnquotedUTF8();
      }
      written.put(member, known);
      out.writeRawValue(known);
    }
  }
}
