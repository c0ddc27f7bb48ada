/** The demo: a stage, the story played on it, what is shown of it, and the verdict. */
package io.bolina.demo;
