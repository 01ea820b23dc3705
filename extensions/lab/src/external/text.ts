/** Servers that content was not loaded from, as origins and as a setting that allows them. */

/**
 * The origin of what a policy has stopped; none if that is not of another server, such as an
 * inline script (CSP level 3, section 5.3).
 */
export function originOf(blocked: string, own: string): string | undefined {
  const origin = URL.canParse(blocked) ? new URL(blocked).origin : 'null';
  return /^https?:/.test(origin) && origin !== own ? origin : undefined;
}

/** What allows them, as it stands in plughost.toml. */
export function settingFor(origins: readonly string[]): string {
  const sources = [...origins].sort().map(origin => `"${origin}"`);
  return `[extensions.lab]\nexternal_content = [${sources.join(', ')}]\n`;
}
