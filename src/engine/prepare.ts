/** Entry of the process that prepares a base for serving. */
import { servePreparing } from './preparing.ts';

servePreparing();
