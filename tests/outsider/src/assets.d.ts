/** What importing an SVG gives: its markup. */
declare module '*.svg' {
  const markup: string;
  export default markup;
}

declare module '*.css';
